"""What all baselines share: they look at each pool alone, see only reports that can be true, and stay within bounds."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from autoscaling.types import PoolDecision, PoolDemand, PoolSignals
from cluster.spec import FleetSpec
from cluster.state import STALE_AFTER_S, ReplicaState

MOST = 1e15
"""A number above this is no count, rate or time of anything here."""


def whole(replicas: float) -> int:
    """The next whole number of replicas.

    A hair's breadth is forgiven: 0.3 x 10 / 0.1 is 30 replicas, whatever floats say of it.
    """
    return math.ceil(replicas - 1e-9)


@dataclass(frozen=True)
class Bounds:
    """Fewest and most replicas that a policy may ask for."""

    low: int
    high: int

    def clamp(self, replicas: float) -> int:
        """The next whole number of replicas, within the bounds."""
        return whole(max(self.low, min(self.high, replicas)))


class Wish(NamedTuple):
    """Replicas that a rule wants, before bounds, and why."""

    replicas: float
    reason: str


Rule = Callable[[PoolSignals, float], Wish | None]
"""What decides for one pool. It is asked at every moment (signals, Unix seconds), may remember what it saw, and says
None between its own looks: then the pool keeps what was last asked for."""


class PerPoolPolicy:
    """A `ScalingPolicy` made of one rule for each pool of the spec."""

    def __init__(self, spec: FleetSpec, new_rule: Callable[[str, Bounds], Rule], floor: int = 0) -> None:
        """
        Args:
            new_rule: makes the rule of a pool from its name and bounds.
            floor: fewest replicas that the policy's source can go down to, where the spec allows fewer.
        """
        replicas = {name: pool.replicas for name, pool in spec.pools.items()}
        self._bounds = {name: Bounds(max(floor, allowed.min), allowed.max) for name, allowed in replicas.items()}
        self._rules = {name: new_rule(name, bounds) for name, bounds in self._bounds.items()}

    def decide(self, signals: Mapping[str, PoolSignals], now_s: float) -> dict[str, PoolDecision]:
        return {pool: self._decide(pool, seen, now_s) for pool, seen in signals.items()}

    def _decide(self, pool: str, seen: PoolSignals, now_s: float) -> PoolDecision:
        clean = believable(seen, now_s)
        if pool not in self._rules:
            return PoolDecision(pool, clean.target, "the spec has no such pool")
        bounds = self._bounds[pool]
        if not math.isfinite(now_s) or (seen.replicas and not clean.replicas):
            return PoolDecision(pool, bounds.clamp(clean.target), "held: no replica has a fresh report")
        wish = self._rules[pool](clean, now_s) or Wish(clean.target, "held until the policy's next look")
        return PoolDecision(pool, bounds.clamp(wish.replicas), wish.reason)


def believable(signals: PoolSignals, now_s: float) -> PoolSignals:
    """The signals without reports that are stale or cannot be true; other numbers that cannot be true become 0.

    A replica whose report is dropped counts as one that does not serve, as pods without metrics do in the sources.
    """
    demand: dict[str, Any] = {name: _credible_number(value) for name, value in vars(signals.demand).items()}
    return replace(
        signals,
        replicas=tuple(report for report in signals.replicas if _credible(report, now_s)),
        target=int(_credible_number(signals.target)),
        demand=PoolDemand(**demand | {"held": int(demand["held"])}),
        demand_as_of_s=_credible_number(signals.demand_as_of_s),
        cold_start_s=_credible_number(signals.cold_start_s),
    )


def _credible_number(value: float) -> float:
    return value if 0 <= value <= MOST else 0


def _credible(report: ReplicaState, now_s: float) -> bool:
    counts = (report.waiting, report.running, report.generated_tokens_total)
    fresh = 0 <= now_s - report.as_of_s <= STALE_AFTER_S
    return fresh and 0 <= report.kv_usage_ratio <= 1 and all(0 <= count <= MOST for count in counts)
