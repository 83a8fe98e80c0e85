"""The planner: what each pool needs, whether it is time to move, and what the device budget allows."""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field

from autoscaling.budget import USUAL_PRIORITY, Want, purses, share_out
from autoscaling.concurrency import Limits
from autoscaling.demand import Demand
from autoscaling.history import PoolMemory
from autoscaling.needs import (
    KV_FULL,
    Need,
    Queue,
    backlog_need,
    demand_need,
    is_excess,
    kv_need,
    lateness_need,
    ongoing_need,
    preemption_need,
)
from autoscaling.pacing import Pacing
from autoscaling.reading import Reading, read_pool
from autoscaling.speed import Speed, prompt_mix
from autoscaling.types import PoolDecision, PoolSignals, Signal
from cluster.memory import max_num_seqs
from cluster.pool import PoolReplicasSpec
from cluster.spec import FleetSpec

LEVEL_S = 60.0
"""The load's level is a mean over this time: shorter swings are for surges to expect, not to follow."""
TREND_COLD_STARTS = 3.0
"""Cold starts for which a rise must have lasted to be expected to go on for one more."""
KEEP_COLD_STARTS = 1.0
"""Cold starts for which fewer replicas must have been enough before a pool shrinks: to keep a replica for longer than
its start takes is dearer than to start it again. Two cost a tenth more for hardly more answers in time on the Azure
2023 trace at ten times its load."""
IDLE_COLD_STARTS = 2.0
"""The same for the last replica of a pool: what comes next waits for a whole start."""
WITHOUT_CHANCE = 0.5
SURGE_LATE = 10.0
"""So many times more answers may be late while the demand is at its worst, which it seldom is."""


@dataclass(frozen=True)
class _Plan:
    """What a pool is to have, before the budget."""

    needed: int
    wanted: int
    reason: str
    signal: Signal
    holds: bool = False


@dataclass(frozen=True)
class _Trouble(Need):
    """A need that counts from the replicas there are. It is what standby replicas stand by for: none is added to it."""


@dataclass
class _Pool:
    """What is remembered of a pool."""

    memory: PoolMemory = field(default_factory=PoolMemory)
    pacing: Pacing = field(default_factory=Pacing)


class Planner:
    """A `ScalingPolicy` for one spec. docs/autoscaling.md tells how it decides."""

    def __init__(self, spec: FleetSpec) -> None:
        self.spec = spec
        self.scaling = spec.scaling
        self._purses = purses(spec)
        self._pools: dict[str, _Pool] = {}
        self._targets = {name: pool.replicas.min for name, pool in spec.pools.items()}
        self._last_s = -math.inf

    def decide(self, signals: Mapping[str, PoolSignals], now_s: float) -> Mapping[str, PoolDecision]:
        if not now_s >= self._last_s:  # the clock was set back, or is no number: what was remembered has no order
            self._pools.clear()
        self._last_s = now_s if math.isfinite(now_s) else -math.inf
        known = {name: pool for name, pool in signals.items() if name in self.spec.pools}
        self._targets |= {name: _within(self.spec.pools[name].replicas, pool.target) for name, pool in known.items()}
        plans = {name: self._plan(name, pool, now_s) for name, pool in known.items()}
        shared = share_out([self._want(name, plans.get(name)) for name in self.spec.pools], self._purses)
        decisions = {}
        for name, pool in signals.items():
            if name not in plans:
                decisions[name] = PoolDecision(name, pool.target, "held: the spec has no such pool", "held")
                continue
            plan, (desired, remark) = plans[name], shared[name]
            self._targets[name] = desired
            reason = "; ".join(filter(None, (plan.reason, remark)))
            decisions[name] = PoolDecision(name, desired, reason, "budget" if desired < plan.wanted else plan.signal)
        return decisions

    def _plan(self, name: str, signals: PoolSignals, now_s: float) -> _Plan:
        """What one pool is to have if there are enough devices."""
        target, bounds = self._targets[name], self.spec.pools[name].replicas
        reading = read_pool(signals, now_s)
        if isinstance(reading, str):
            return _Plan(target, target, f"held: {reading}", "held", holds=True)
        pool = self._pools.setdefault(name, _Pool())
        pool.memory.look(reading, now_s)
        cold_start_s = signals.cold_start_s or self.scaling.cold_start_s
        needs = list(self._needs(name, reading, pool.memory, now_s, cold_start_s))
        need = max(needs, key=lambda each: each.replicas)
        needed = _within(bounds, need.replicas)
        load = max(each.replicas for each in needs if not isinstance(each, _Trouble))
        ready = max(needed, _within(bounds, load + bounds.standby))
        reason = f"{need.reason}; +{ready - needed} standby" if ready > needed else need.reason
        if reading.silent and ready < target:
            return _Plan(target, target, f"held: {reading.silent} replicas are silent; {reason}", "held")
        if needed == 0 or target == 0:  # asleep: from idle pools nothing is learned by waiting, and requests wait
            return _Plan(needed, ready, reason, need.signal)
        down_s = max(self.scaling.downscale_delay_s, KEEP_COLD_STARTS * cold_start_s)
        wanted = pool.pacing.pace(ready, target, now_s, self.scaling.upscale_delay_s, down_s)
        quiet = not reading.ongoing and not signals.arrivals_per_s  # what is kept for later is no need of today
        reason += _pace(ready, wanted, target, down_s)
        return _Plan(bounds.min if quiet else needed, wanted, reason, need.signal)

    def _needs(
        self, name: str, reading: Reading, memory: PoolMemory, now_s: float, cold_start_s: float
    ) -> Iterator[Need]:
        """What each signal asks for."""
        if memory.busy_s is None:
            yield Need(0, "idle: asleep, and no request came yet", "idle")
            return
        idle_s = now_s - memory.busy_s
        if idle_s > max(self.scaling.idle_s, IDLE_COLD_STARTS * cold_start_s):
            yield Need(0, f"idle: no request for {idle_s:.0f} s", "idle")
            return
        demand, speed = memory.demand.level(LEVEL_S), memory.speed.speed()
        if speed is None or demand.answer_tokens <= 0:
            yield ongoing_need(reading, self.scaling.target_ongoing)
        else:
            limits = self._limits(name, reading, memory, demand)
            allowed, _ = limits.most_running(speed, prompt_mix(demand.prompt_tokens, demand.answer_tokens))
            memory.learn_lateness(reading, now_s, excess=is_excess(reading, allowed))
            yield from self._demand_needs(name, memory, demand, speed, limits, cold_start_s)
            starts = memory.starts(now_s, cold_start_s)
            scaling = self.scaling
            queue = Queue(demand, speed, limits, starts, cold_start_s, scaling.drain_s, scaling.ttft_target_s)
            yield _trouble(backlog_need(reading, queue))
        yield kv_need(reading, demand)
        yield _trouble(preemption_need(reading, memory.preempted))
        yield Need(1, "awake: one replica until the pool is idle", "awake")

    def _demand_needs(
        self, name: str, memory: PoolMemory, demand: Demand, speed: Speed, limits: Limits, cold_start_s: float
    ) -> Iterator[Need]:
        """The load as it is, at its worst while a replica starts, and where its trend leads until then."""
        certainty, most = self.scaling.attainment_target, self.spec.pools[name].replicas.max
        yield demand_need(demand, speed, limits, certainty, most)
        yield lateness_need(demand, speed, limits, memory.lateness, certainty, most)
        surge = demand.at(memory.demand.surge_per_s(LEVEL_S, cold_start_s, certainty))
        yield demand_need(surge, speed, limits, WITHOUT_CHANCE, most, "surge")
        seldom = max(WITHOUT_CHANCE, 1 - SURGE_LATE * (1 - certainty))
        yield lateness_need(surge, speed, limits, memory.lateness, seldom, most, "surge")
        if self.scaling.forecast and (rise := memory.demand.rise_per_s(TREND_COLD_STARTS * cold_start_s)):
            # The level is the load half a window ago.
            ahead = demand.at(demand.requests_per_s + rise * (cold_start_s + LEVEL_S / 2))
            yield demand_need(ahead, speed, limits, certainty, most, "forecast")
            yield lateness_need(ahead, speed, limits, memory.lateness, certainty, most, "forecast")

    def _limits(self, name: str, reading: Reading, memory: PoolMemory, demand: Demand) -> Limits:
        """What one replica may hold."""
        pool = self.spec.pools[name]
        slots = pool.engine.max_ongoing_requests
        if pool.devices:
            slots = min(slots, max_num_seqs(pool, self.spec.hardware_of(name)) * pool.parallel.data)
        caches = [replica.kv_capacity_tokens for replica in reading.replicas if replica.kv_capacity_tokens > 0]
        return Limits(
            tpot_s=self.scaling.tpot_target_s,
            slots=slots,
            kv_tokens=KV_FULL * sum(caches) / len(caches) if caches else math.inf,
            held_tokens=memory.held_tokens or demand.prompt_tokens + demand.answer_tokens / 2,
            usual_running=self.scaling.target_ongoing,
        )

    def _want(self, name: str, plan: _Plan | None) -> Want:
        """What a pool asks of the budget. A pool that is held, or not shown, keeps what it has."""
        pool, target = self.spec.pools[name], self._targets[name]
        plan = plan or _Plan(target, target, "", "held", holds=True)
        floor = plan.wanted if plan.holds else pool.replicas.min
        priority = self.scaling.priorities.get(name, USUAL_PRIORITY)
        return Want(name, pool.devices, floor, min(plan.needed, plan.wanted), plan.wanted, target, priority)


def _within(bounds: PoolReplicasSpec, replicas: int) -> int:
    """Replicas within a pool's bounds; the minimum where they are no number."""
    return min(max(replicas, bounds.min), bounds.max) if replicas >= bounds.min else bounds.min


def _trouble(need: Need) -> _Trouble:
    return _Trouble(need.replicas, need.reason, need.signal)


def _pace(needed: int, wanted: int, target: int, down_s: float) -> str:
    """What the pace adds to the reason."""
    if wanted == target and needed > target:
        return f"; {needed} needed, not for long enough yet"
    if wanted == target and needed < target:
        return f"; {needed} needed now, kept until that was enough for {down_s:.0f} s"
    if wanted > needed:
        return f"; {needed} needed now, removed step by step"
    return ""
