"""What gateways, the scaling policy and the fleet board exchange about demand, decisions and answered requests."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from autoscaling.types import PoolDemand, Signal


def merge_demand(demands: Iterable[Mapping[str, PoolDemand]]) -> dict[str, PoolDemand]:
    """Demand of all gateway replicas: rates and held requests add up, the rest are means over requests or answers."""
    by_pool: dict[str, list[PoolDemand]] = defaultdict(list)
    for demand in demands:
        for pool, one in demand.items():
            by_pool[pool].append(one)
    return {pool: _merged(parts) for pool, parts in by_pool.items()}


def _merged(parts: list[PoolDemand]) -> PoolDemand:
    arrivals, answers = [part.arrivals_per_s for part in parts], [part.answers_per_s for part in parts]
    return PoolDemand(
        arrivals_per_s=sum(arrivals),
        prompt_tokens=_mean([part.prompt_tokens for part in parts], arrivals),
        answer_tokens=_mean([part.answer_tokens for part in parts], answers),
        answers_per_s=sum(answers),
        late_ratio=_mean([part.late_ratio for part in parts], answers),
        taken_per_s=sum(part.taken_per_s for part in parts),
        held=sum(part.held for part in parts),
    )


def _mean(values: list[float], weights: list[float]) -> float:
    total = sum(weights)
    return sum(value * weight for value, weight in zip(values, weights, strict=True)) / total if total else 0.0


@dataclass(frozen=True)
class Decided:
    """A pool's newest decision by the scaling policy in Serve's controller."""

    pool: str
    at_s: float
    """Unix time."""
    target: int
    """Serve's target before the decision, in replicas."""
    desired: int
    ready: int
    reason: str
    signals: Mapping[str, float]
    """The numbers behind the decision."""
    problem: str | None = None
    """Why the policy could decide nothing and kept the target."""
    signal: Signal | None = None
    """What decided, as one word."""


@dataclass
class Totals:
    """Counts that only grow, of one gateway replica or of all together."""

    decisions: dict[str, int] = field(default_factory=dict)
    """Requests for an answer by the pool that was chosen first."""
    answers: dict[str, int] = field(default_factory=dict)
    """Whole answers by the pool that gave them: another than the chosen one after a failure or an escalation."""
    cost: float = 0.0
    """Of all tokens that pools generated or read, dropped answers included, in the prices' currency."""
    always_large_cost: float = 0.0
    """What the tokens of the answers that clients got would have cost in the most expensive pool of the large tier."""

    def decided(self, pool: str) -> None:
        """Count a request for an answer that was given a pool."""
        self.decisions[pool] = self.decisions.get(pool, 0) + 1

    def answered(self, pool: str) -> None:
        """Count a whole answer that a client got."""
        self.answers[pool] = self.answers.get(pool, 0) + 1


@dataclass(frozen=True)
class Recent:
    """One answered request."""

    request_id: str
    client: str | None
    """Name of the API key that it came with."""
    tier: str
    """The tier that answered."""
    line: dict[str, Any]
    """The request as the start of an outcome line."""


@dataclass(frozen=True)
class LearnPlan:
    """How a fleet learns from its labels."""

    keep_labels: int
    keep_s: float
    """Age of a label after which it no longer counts, in seconds."""
    frozen: bool
    """Whether labels are only collected."""
    cost_weight: float
    """Quality to give up for saving the cost of the most expensive tier."""
    prices: Mapping[str, float]
    """Cost of an answer by tier of the fleet, as a share of the most expensive tier's."""


@dataclass(frozen=True)
class Limits:
    """How many answered requests are remembered."""

    requests: int
    bytes: int
