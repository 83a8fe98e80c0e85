"""AIBrix's APA: like a HorizontalPodAutoscaler, with a tolerance for each direction and a greatest step.

    ratio = mean usage of the window / target
    above 1 + up tolerance:    desired = min(ceil(replicas x ratio), ceil(replicas x up rate))
    below 1 - down tolerance:  desired = max(ceil(replicas x ratio), floor(replicas / down rate))

Source: vllm-project/aibrix, pkg/controller/podautoscaler: algorithm/apa.go at 6da8a5b (the formula), autoscaler.go at
015a2e5 (replicas that start count as idle on the way up and as at the target on the way down), context/context.go at
2576b18 (rates 2 and 2), podautoscaler_controller.go at bda162d (one look every 10 s); samples/autoscaling/apa.yaml (KV
cache usage, target 0.5, tolerances 0.1 and 0.2, window 30 s); docs, "Metric-based Autoscaling" (stabilization window of
300 s for scaling down). That controller takes the least recommendation of the window, which delays nothing; here it is
the greatest, as Kubernetes does and the documents say, and a window of 0 in the grid stands for the code.
"""

from __future__ import annotations

import math

from pydantic import Field

from autoscaling.types import PoolSignals
from cluster.pool import Part
from cluster.spec import FleetSpec
from simulation.baselines.knowledge import NOTHING, Knowledge
from simulation.baselines.parameters import Point, read_parameters
from simulation.baselines.per_pool import PerPoolPolicy, Wish, whole
from simulation.baselines.windows import Every, Window

RESYNC_S = 10.0
"""How often AIBrix's controller looks."""


class ApaParameters(Part):
    """Parameters of the PodAutoscaler object."""

    kv_target_ratio: float = Field(default=0.5, ge=0.01, le=1)
    """Mean KV cache usage to keep."""
    up_tolerance_ratio: float = Field(default=0.1, ge=0)
    """How far above the target nothing is done."""
    down_tolerance_ratio: float = Field(default=0.2, ge=0)
    """How far below the target nothing is done."""
    max_up_rate: float = Field(default=2.0, gt=1)
    """Most replicas after one look, over those before it."""
    max_down_rate: float = Field(default=2.0, gt=1)
    """Replicas before one look over the fewest after it."""
    window_s: float = Field(default=30.0, gt=0)
    """Window of the mean."""
    down_window_s: float = Field(default=300.0, ge=0)
    """Window whose greatest recommendation scaling down goes to."""


GRID: list[Point] = [
    {"kv_target_ratio": target, "down_window_s": window} for target in (0.1, 0.2, 0.35, 0.5) for window in (0, 60, 300)
]


def aibrix_apa(spec: FleetSpec, parameters: Point, knowledge: Knowledge = NOTHING) -> PerPoolPolicy:
    """The policy; it reads no knowledge.

    Raises:
        ValueError: a parameter is wrong.
    """
    chosen = read_parameters(ApaParameters, "aibrix-apa", parameters)
    return PerPoolPolicy(spec, lambda pool, bounds: ApaRule(chosen), floor=1)


class ApaRule:
    """One pool's PodAutoscaler."""

    def __init__(self, parameters: ApaParameters) -> None:
        self._parameters = parameters
        self._usage = Window(parameters.window_s)
        self._recommended = Window(parameters.down_window_s)
        self._resync = Every(RESYNC_S)

    def __call__(self, signals: PoolSignals, now_s: float) -> Wish | None:
        if not signals.replicas or not self._resync.due(now_s):
            return None
        self._usage.add(now_s, sum(replica.kv_usage_ratio for replica in signals.replicas) / signals.ready)
        usage = self._usage.mean()
        recommended = apa_replicas(usage, signals.ready, signals.target, self._parameters)
        self._recommended.add(now_s, recommended)
        desired = recommended if recommended >= signals.target else min(signals.target, self._recommended.max())
        target = self._parameters.kv_target_ratio
        return Wish(desired, f"KV cache usage {usage:.2f}, target {target:.2f}: {recommended} recommended")


def apa_replicas(usage: float, ready: int, replicas: int, parameters: ApaParameters) -> int:
    """Replicas that a mean usage recommends.

    Args:
        usage: mean KV cache usage of the replicas that serve.
        ready: replicas that serve.
        replicas: replicas last asked for.
    """
    ratio = usage / parameters.kv_target_ratio
    starting = max(0, replicas - ready)
    if ratio > 1 + parameters.up_tolerance_ratio:
        most = math.ceil(parameters.max_up_rate * replicas)
        damped = whole(usage * (replicas - starting) / parameters.kv_target_ratio)
        return max(replicas, min(whole(replicas * ratio), most, damped))
    if ratio < 1 - parameters.down_tolerance_ratio:
        fewest = math.floor(replicas / parameters.max_down_rate)
        damped = whole(ratio * (replicas - starting)) + starting
        return min(replicas, max(whole(replicas * ratio), fewest, damped))
    return replicas
