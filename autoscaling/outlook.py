"""A pool at one look: its load now and ahead, and what its replicas can do. The one input of all needs."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from autoscaling.concurrency import Limits
from autoscaling.demand_history import Demand
from autoscaling.history import PoolHistory
from autoscaling.lateness import LatenessTable
from autoscaling.speed import Speed, prompt_mix
from autoscaling.validation import ValidSignals
from cluster.batches import max_num_seqs
from cluster.scaling import ScalingSpec
from cluster.spec import FleetSpec

LEVEL_S = 60.0
"""The level of a load is a mean over this time: surges cover shorter swings."""
TREND_COLD_STARTS = 3.0
"""Cold starts for which a rise must have lasted before it is expected to continue for one more."""
KV_FULL = 0.9
"""Planned KV cache usage; above it an engine may soon preempt requests."""

Load = Literal["demand", "surge", "forecast"]


@dataclass(frozen=True)
class Outlook:
    """What the needs know of a pool."""

    valid: ValidSignals
    loads: Mapping[Load, Demand]
    """The load's level; with a known speed also the highest load to expect while a replica starts and, if there is a
    trend, the load when a replica requested now would serve."""
    speed: Speed | None
    """None until it has been learned."""
    limits: Limits
    """Of one replica."""
    lateness: LatenessTable
    starts: Sequence[tuple[float, int]]
    """Groups of starting replicas: seconds until they serve, and how many they are."""
    cold_start_s: float
    idle_s: float | None
    """Time since the pool's last request; None if there never was one."""
    preempted: int
    """Requests preempted in the last seconds."""
    scaling: ScalingSpec
    most: int
    """`replicas.max`: a need is no larger."""

    @property
    def level(self) -> Demand:
        """The current load."""
        return self.loads["demand"]

    @property
    def mix(self) -> float:
        """Work per generated token."""
        return prompt_mix(self.level.prompt_tokens, self.level.answer_tokens)

    @cached_property
    def healthy_batch(self) -> tuple[float, str]:
        """Requests in the largest batch that meets all limits, and the limit that sets it; inf if the speed is
        unknown."""
        return self.limits.most_running(self.speed, self.mix) if self.speed else (math.inf, "")


def outlook_on(spec: FleetSpec, pool: str, valid: ValidSignals, history: PoolHistory, now_s: float) -> Outlook:
    """The outlook on one pool, from its signals now and its history."""
    scaling = spec.scaling
    cold_start_s = valid.signals.cold_start_s or scaling.cold_start_s
    level = history.demand.level(LEVEL_S)
    speed = history.speed.speed() if level.answer_tokens > 0 else None
    ahead = _ahead(history, level, cold_start_s, scaling) if speed else {}
    return Outlook(
        valid=valid,
        loads={"demand": level, **ahead},
        speed=speed,
        limits=_limits(spec, pool, valid, history, level),
        lateness=history.lateness,
        starts=history.starts(now_s, cold_start_s),
        cold_start_s=cold_start_s,
        idle_s=None if history.busy_s is None else now_s - history.busy_s,
        preempted=history.preempted,
        scaling=scaling,
        most=spec.pools[pool].replicas.max,
    )


def _ahead(history: PoolHistory, level: Demand, cold_start_s: float, scaling: ScalingSpec) -> dict[Load, Demand]:
    """The load at its highest while a replica starts, and as its trend continues until then."""
    surge_per_s = history.demand.surge_per_s(LEVEL_S, cold_start_s, scaling.attainment_target)
    ahead: dict[Load, Demand] = {"surge": level.at(surge_per_s)}
    if scaling.forecast and (rise := history.demand.rise_per_s(TREND_COLD_STARTS * cold_start_s)):
        # The level is the load half a window ago.
        ahead["forecast"] = level.at(level.requests_per_s + rise * (cold_start_s + LEVEL_S / 2))
    return ahead


def _limits(spec: FleetSpec, name: str, valid: ValidSignals, history: PoolHistory, level: Demand) -> Limits:
    """What one replica may hold."""
    pool = spec.pools[name]
    slots = pool.engine.max_ongoing_requests
    if pool.devices:
        slots = min(slots, max_num_seqs(pool, spec.hardware_of(name)) * pool.parallel.data)
    caches = [replica.kv_capacity_tokens for replica in valid.replicas if replica.kv_capacity_tokens > 0]
    return Limits(
        tpot_s=spec.scaling.tpot_target_s,
        slots=slots,
        kv_tokens=KV_FULL * sum(caches) / len(caches) if caches else math.inf,
        held_tokens=history.held_tokens or level.prompt_tokens + level.answer_tokens / 2,
        usual_running=spec.scaling.target_ongoing,
    )
