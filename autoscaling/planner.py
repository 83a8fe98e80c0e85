"""The planner: what each pool needs, whether it is time to change it, and what the device budgets allow."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field

from autoscaling.device_budget import USUAL_PRIORITY, Claim, device_budgets, share_out
from autoscaling.history import PoolHistory
from autoscaling.needs import STANDBY_COVERS, Need, idle_need, is_excess, needs_of
from autoscaling.outlook import outlook_on
from autoscaling.pacing import Pacing
from autoscaling.types import PoolDecision, PoolSignals, Signal
from autoscaling.validation import ValidSignals, validated
from cluster.pool import PoolReplicasSpec
from cluster.spec import FleetSpec

KEEP_COLD_STARTS = 1.0
"""Cold starts for which fewer replicas must have been enough before a pool scales down: beyond that, keeping a replica
costs more than starting it again. Two cost a tenth more for hardly more answers within the SLO, on the Azure 2023 trace
at ten times its load."""


@dataclass(frozen=True)
class _Plan:
    """What a pool should have, before the budgets."""

    needed: int
    wanted: int
    reason: str
    signal: Signal
    paused: bool = False


@dataclass
class _Pool:
    """What the planner keeps of a pool."""

    history: PoolHistory = field(default_factory=PoolHistory)
    pacing: Pacing = field(default_factory=Pacing)


class Planner:
    """A `ScalingPolicy` for one spec. docs/autoscaling.md describes how it decides."""

    def __init__(self, spec: FleetSpec) -> None:
        self.spec = spec
        self.scaling = spec.scaling
        self._budgets = device_budgets(spec)
        self._pools: dict[str, _Pool] = {}
        self._targets = {name: pool.replicas.min for name, pool in spec.pools.items()}
        self._last_s = -math.inf

    def decide(self, signals: Mapping[str, PoolSignals], now_s: float) -> Mapping[str, PoolDecision]:
        if not now_s >= self._last_s:  # the clock was set back, or is not a number: the history has no order
            self._pools.clear()
        self._last_s = now_s if math.isfinite(now_s) else -math.inf
        known = {name: pool for name, pool in signals.items() if name in self.spec.pools}
        self._targets |= {name: _within(self.spec.pools[name].replicas, pool.target) for name, pool in known.items()}
        plans = {name: self._plan(name, pool, now_s) for name, pool in known.items()}
        granted = share_out([self._claim(name, plans.get(name)) for name in self.spec.pools], self._budgets)
        decisions = {}
        for name, pool in signals.items():
            if name not in plans:
                decisions[name] = PoolDecision(name, pool.target, "held: the spec has no such pool", "held")
                continue
            plan, (desired, remark) = plans[name], granted[name]
            self._targets[name] = desired
            reason = "; ".join(filter(None, (plan.reason, remark)))
            decisions[name] = PoolDecision(name, desired, reason, "budget" if desired < plan.wanted else plan.signal)
        return decisions

    def _plan(self, name: str, signals: PoolSignals, now_s: float) -> _Plan:
        """What one pool should have if there are enough devices."""
        target, bounds = self._targets[name], self.spec.pools[name].replicas
        valid = validated(signals, now_s)
        if isinstance(valid, str):
            return _Plan(target, target, f"held: {valid}", "held", paused=True)
        pool = self._pools.setdefault(name, _Pool())
        needs = self._needs(name, valid, pool.history, now_s)
        need = max(needs.values(), key=lambda each: each.replicas)
        needed = _within(bounds, need.replicas)
        load = max(each.replicas for each_name, each in needs.items() if each_name not in STANDBY_COVERS)
        ready = max(needed, _within(bounds, load + bounds.standby))
        reason = f"{need.reason}; +{ready - needed} standby" if ready > needed else need.reason
        if valid.silent and ready < target:
            return _Plan(target, target, f"held: {valid.silent} replicas are silent; {reason}", "held")
        if needed == 0 or target == 0:  # an idle pool teaches nothing by waiting, and an empty one lets requests wait
            return _Plan(needed, ready, reason, need.signal)
        cold_start_s = signals.cold_start_s or self.scaling.cold_start_s
        down_s = max(self.scaling.downscale_delay_s, KEEP_COLD_STARTS * cold_start_s)
        wanted = pool.pacing.pace(ready, target, now_s, self.scaling.upscale_delay_s, down_s)
        quiet = not valid.ongoing and not signals.demand.arrivals_per_s  # replicas kept for later are not needed now
        reason += _pace(ready, wanted, target, down_s)
        return _Plan(bounds.min if quiet else needed, wanted, reason, need.signal)

    def _needs(self, name: str, valid: ValidSignals, history: PoolHistory, now_s: float) -> dict[str, Need]:
        """Learn from a look at a pool; then what each signal requests."""
        history.look(valid, now_s)
        outlook = outlook_on(self.spec, name, valid, history, now_s)
        if outlook.speed and not idle_need(outlook):
            allowed, _ = outlook.healthy_batch
            history.learn_lateness(valid, now_s, excess=is_excess(valid, allowed))
        return needs_of(outlook)

    def _claim(self, name: str, plan: _Plan | None) -> Claim:
        """What a pool claims of the budgets. A pool that is paused, or has no signals, keeps what it has."""
        pool, target = self.spec.pools[name], self._targets[name]
        plan = plan or _Plan(target, target, "", "held", paused=True)
        floor = plan.wanted if plan.paused else pool.replicas.min
        priority = self.scaling.priorities.get(name, USUAL_PRIORITY)
        needed = min(plan.needed, plan.wanted)
        hardware = self.spec.hardware_name(name) if pool.devices else ""
        return Claim(name, pool.device_share, floor, needed, plan.wanted, target, priority, hardware)


def _within(bounds: PoolReplicasSpec, replicas: int) -> int:
    """Replicas within a pool's bounds; the minimum if they are not a number."""
    return min(max(replicas, bounds.min), bounds.max) if replicas >= bounds.min else bounds.min


def _pace(needed: int, wanted: int, target: int, down_s: float) -> str:
    """What the pace adds to the reason."""
    if wanted == target and needed > target:
        return f"; {needed} needed, but not yet for long enough"
    if wanted == target and needed < target:
        return f"; {needed} needed now, kept until that was enough for {down_s:.0f} s"
    if wanted > needed:
        return f"; {needed} needed now, removed step by step"
    return ""
