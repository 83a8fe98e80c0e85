"""Knowledge that some baselines need beyond signals: the capacity of a replica, and the future load."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise


@dataclass(frozen=True)
class Load:
    """Load that arrives at a pool, per second."""

    requests_per_s: float
    prompt_tokens_per_s: float
    answer_tokens_per_s: float


@dataclass(frozen=True)
class Capacity:
    """Capacity of one replica within the SLO, from a profile of the engine."""

    prompt_tokens_per_s: float
    """Prompt tokens per second if it does nothing else; above 0."""
    answer_tokens_per_s: float
    """Generated tokens per second over its whole batch, at the TPOT of the SLO, if it does nothing else; above 0."""
    unloaded_tpot_s: float = 0.0
    """TPOT of a request that is alone in the batch, in seconds."""
    slo_tpot_s: float = 0.1
    """TPOT at which `answer_tokens_per_s` was measured, in seconds; above `unloaded_tpot_s`."""

    def __post_init__(self) -> None:
        """
        Raises:
            ValueError: a number is out of range.
        """
        for name in ("prompt_tokens_per_s", "answer_tokens_per_s"):
            if not 0 < getattr(self, name) < math.inf:
                raise ValueError(f"capacity.{name}: invalid value {getattr(self, name)}, use a number above 0")
        if not 0 <= self.unloaded_tpot_s < self.slo_tpot_s < math.inf:
            values = f"{self.unloaded_tpot_s} and {self.slo_tpot_s}"
            raise ValueError(
                f"capacity.unloaded_tpot_s, slo_tpot_s: invalid values {values}, use seconds with the first one smaller"
            )

    def replicas_for(self, load: Load) -> float:
        """Number of replicas that the load keeps busy. Prompts and answers share a replica's time:

        prompt tokens/s / prompt rate + answer tokens/s / answer rate
        """
        prompts = load.prompt_tokens_per_s / self.prompt_tokens_per_s
        return prompts + load.answer_tokens_per_s / self.answer_tokens_per_s


Demand = Callable[[str, float, float], Load]
"""Mean load that arrives at a pool between two moments (Unix seconds), even in the future."""


@dataclass(frozen=True)
class Knowledge:
    """Knowledge for policies. The docstring of a policy names the parts that it needs."""

    capacity: Mapping[str, Capacity] = field(default_factory=dict)
    """Capacity of one replica, by pool."""
    demand: Demand | None = None
    """The load over time, for policies that know the future."""
    span_s: tuple[float, float] | None = None
    """Start and end of the trace that `demand` describes, in Unix seconds."""

    def capacity_of(self, policy: str, pool: str) -> Capacity:
        """Capacity of a pool's replica.

        Raises:
            ValueError: it is missing.
        """
        if pool not in self.capacity:
            raise ValueError(f"policy {policy}: knowledge.capacity lacks pool '{pool}', set its replica's rates")
        return self.capacity[pool]

    def future(self, policy: str) -> Demand:
        """The load over time.

        Raises:
            ValueError: it is missing.
        """
        if self.demand is None:
            raise ValueError(f"policy {policy}: knowledge.demand is missing, set the future load")
        return self.demand

    def span(self, policy: str) -> tuple[float, float]:
        """Start and end of the trace.

        Raises:
            ValueError: they are missing, or the start is not before the end.
        """
        if self.span_s is None or not self.span_s[0] < self.span_s[1]:
            raise ValueError(f"policy {policy}: knowledge.span_s is missing or empty, set the trace's start and end")
        return self.span_s


NO_KNOWLEDGE = Knowledge()
"""For policies that only need signals."""


def spans(start_s: float, end_s: float, step_s: float) -> list[tuple[float, float]]:
    """A period split into steps of `step_s` seconds. The last step may be shorter."""
    count = int((end_s - start_s) / step_s + 1e-9)
    edges = [start_s + step_s * index for index in range(count + 1)]
    if end_s - edges[-1] > 1e-6:
        edges.append(end_s)
    return list(pairwise(edges))
