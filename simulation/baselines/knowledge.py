"""What some baselines are told beyond signals: what a replica can do, and what is going to arrive."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise


@dataclass(frozen=True)
class Load:
    """What arrives at a pool, per second."""

    requests_per_s: float
    prompt_tokens_per_s: float
    answer_tokens_per_s: float


@dataclass(frozen=True)
class Capacity:
    """What one replica does within the SLO, from a profile of the engine."""

    prompt_tokens_per_s: float
    """Prompt tokens it reads while it does nothing else; above 0."""
    answer_tokens_per_s: float
    """Tokens it generates, over its whole batch, at the TPOT of the SLO while it does nothing else; above 0."""
    unloaded_tpot_s: float = 0.0
    """TPOT of a request that is alone in the batch."""
    slo_tpot_s: float = 0.1
    """TPOT at which `answer_tokens_per_s` was taken; above `unloaded_tpot_s`."""

    def __post_init__(self) -> None:
        """
        Raises:
            ValueError: a number is outside its range.
        """
        for name in ("prompt_tokens_per_s", "answer_tokens_per_s"):
            if not 0 < getattr(self, name) < math.inf:
                raise ValueError(f"capacity.{name}: found {getattr(self, name)}: write a number above 0")
        if not 0 <= self.unloaded_tpot_s < self.slo_tpot_s < math.inf:
            found = f"found {self.unloaded_tpot_s} and {self.slo_tpot_s}"
            raise ValueError(f"capacity.unloaded_tpot_s, slo_tpot_s: {found}: write seconds, the first one less")

    def replicas_for(self, load: Load) -> float:
        """Replicas that the load keeps busy: prompts and answers share a replica's time.

        prompt tokens/s / prompt rate + answer tokens/s / answer rate
        """
        prompts = load.prompt_tokens_per_s / self.prompt_tokens_per_s
        return prompts + load.answer_tokens_per_s / self.answer_tokens_per_s


Demand = Callable[[str, float, float], Load]
"""Mean load that arrives at a pool from one moment to another (Unix seconds), the future included."""


@dataclass(frozen=True)
class Knowledge:
    """What a policy may be told. Which part a policy reads, its docstring says."""

    capacity: Mapping[str, Capacity] = field(default_factory=dict)
    """By pool."""
    demand: Demand | None = None
    """For policies that know the future."""
    span_s: tuple[float, float] | None = None
    """First and last moment of the trace that `demand` describes, in Unix seconds."""

    def capacity_of(self, policy: str, pool: str) -> Capacity:
        """Capacity of a pool's replica.

        Raises:
            ValueError: it was not told.
        """
        if pool not in self.capacity:
            raise ValueError(f"policy {policy}: knowledge.capacity lacks pool '{pool}': write its replica's rates")
        return self.capacity[pool]

    def future(self, policy: str) -> Demand:
        """The demand.

        Raises:
            ValueError: it was not told.
        """
        if self.demand is None:
            raise ValueError(f"policy {policy}: knowledge.demand is missing: write what is going to arrive")
        return self.demand

    def span(self, policy: str) -> tuple[float, float]:
        """First and last moment of the trace.

        Raises:
            ValueError: they were not told, or the first does not come before the last.
        """
        if self.span_s is None or not self.span_s[0] < self.span_s[1]:
            raise ValueError(f"policy {policy}: knowledge.span_s is missing or empty: write the trace's start and end")
        return self.span_s


NOTHING = Knowledge()
"""For policies that read signals alone."""


def spans(start_s: float, end_s: float, step_s: float) -> list[tuple[float, float]]:
    """A stretch of time cut into pieces of `step_s` seconds, the last one shorter where it does not come out even."""
    count = int((end_s - start_s) / step_s + 1e-9)
    edges = [start_s + step_s * index for index in range(count + 1)]
    if end_s - edges[-1] > 1e-6:
        edges.append(end_s)
    return list(pairwise(edges))
