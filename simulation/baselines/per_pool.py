"""The common part of all baselines: one rule per pool, plausible reports only, replicas within bounds."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from typing import Any, NamedTuple

from autoscaling.types import PoolDecision, PoolDemand, PoolSignals
from cluster.spec import FleetSpec
from cluster.state import STALE_AFTER_S, ReplicaState

MAX_PLAUSIBLE = 1e15
"""Larger numbers cannot be counts, rates or times."""


def whole(replicas: float) -> int:
    """The number of replicas, rounded up.

    Tiny float errors are ignored: 0.3 x 10 / 0.1 is 30 replicas.
    """
    return math.ceil(replicas - 1e-9)


@dataclass(frozen=True)
class Bounds:
    """Minimum and maximum replicas that a policy may request."""

    low: int
    high: int

    def clamp(self, replicas: float) -> int:
        """The number of replicas, rounded up and within the bounds."""
        return whole(max(self.low, min(self.high, replicas)))


class Proposal(NamedTuple):
    """Replicas that a rule wants, before bounds, with the reason."""

    replicas: float
    reason: str


Rule = Callable[[PoolSignals, float], Proposal | None]
"""Decides for one pool from its signals and the Unix time. It is called at every decision and may keep a history. If it
returns None, the pool keeps the replicas last requested."""


class PerPoolPolicy:
    """A `ScalingPolicy` with one rule for each pool of the spec."""

    def __init__(self, spec: FleetSpec, new_rule: Callable[[str, Bounds], Rule], floor: int = 0) -> None:
        """
        Args:
            spec: the fleet's spec.
            new_rule: creates a pool's rule from its name and bounds.
            floor: minimum replicas of the policy's source, even if the spec allows fewer.
        """
        replicas = {name: pool.replicas for name, pool in spec.pools.items()}
        self._bounds = {name: Bounds(max(floor, allowed.min), allowed.max) for name, allowed in replicas.items()}
        self._rules = {name: new_rule(name, bounds) for name, bounds in self._bounds.items()}

    def decide(self, signals: Mapping[str, PoolSignals], now_s: float) -> dict[str, PoolDecision]:
        return {pool: self._decide(pool, seen, now_s) for pool, seen in signals.items()}

    def _decide(self, pool: str, seen: PoolSignals, now_s: float) -> PoolDecision:
        clean = plausible(seen, now_s)
        if pool not in self._rules:
            return PoolDecision(pool, clean.target, "the spec has no such pool")
        bounds = self._bounds[pool]
        if not math.isfinite(now_s) or (seen.replicas and not clean.replicas):
            return PoolDecision(pool, bounds.clamp(clean.target), "held: no replica has a fresh report")
        proposal = self._rules[pool](clean, now_s) or Proposal(clean.target, "held until the policy's next decision")
        return PoolDecision(pool, bounds.clamp(proposal.replicas), proposal.reason)


def plausible(signals: PoolSignals, now_s: float) -> PoolSignals:
    """The signals without stale or implausible reports. Other implausible numbers become 0.

    A replica without its report counts as not ready, like pods without metrics in the sources.
    """
    demand: dict[str, Any] = {name: _plausible_number(value) for name, value in vars(signals.demand).items()}
    return replace(
        signals,
        replicas=tuple(report for report in signals.replicas if _plausible(report, now_s)),
        target=int(_plausible_number(signals.target)),
        demand=PoolDemand(**demand | {"held": int(demand["held"])}),
        demand_as_of_s=_plausible_number(signals.demand_as_of_s),
        cold_start_s=_plausible_number(signals.cold_start_s),
    )


def _plausible_number(value: float) -> float:
    return value if 0 <= value <= MAX_PLAUSIBLE else 0


def _plausible(report: ReplicaState, now_s: float) -> bool:
    counts = (report.waiting, report.running, report.generated_tokens_total)
    fresh = 0 <= now_s - report.as_of_s <= STALE_AFTER_S
    return fresh and 0 <= report.kv_usage_ratio <= 1 and all(0 <= count <= MAX_PLAUSIBLE for count in counts)
