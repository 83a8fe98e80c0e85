"""AIBrix's APA: like a HorizontalPodAutoscaler, with a tolerance per direction and a maximum step.

    ratio = mean usage in the window / target
    above 1 + up tolerance:    desired = min(ceil(replicas x ratio), ceil(replicas x up rate))
    below 1 - down tolerance:  desired = max(ceil(replicas x ratio), floor(replicas / down rate))

Source: vllm-project/aibrix, pkg/controller/podautoscaler: algorithm/apa.go at 6da8a5b (the formula), autoscaler.go at
015a2e5 (starting replicas count as idle for scale-up and as at the target for scale-down), context/context.go at
2576b18 (rates 2 and 2), podautoscaler_controller.go at bda162d (one decision every 10 s); samples/autoscaling/apa.yaml
(KV cache usage, target 0.5, tolerances 0.1 and 0.2, window 30 s); docs, "Metric-based Autoscaling" (stabilization
window of 300 s for scale-down). AIBrix's controller uses the smallest recommendation in the window, which delays
nothing. This baseline uses the largest, as Kubernetes does and as AIBrix's documentation says. A window of 0 in the
grid corresponds to AIBrix's code.
"""

from __future__ import annotations

import math

from pydantic import Field

from autoscaling.types import PoolSignals
from cluster.part import Part
from cluster.spec import FleetSpec
from simulation.baselines.knowledge import NO_KNOWLEDGE, Knowledge
from simulation.baselines.parameters import Point, read_parameters
from simulation.baselines.per_pool import PerPoolPolicy, Proposal, whole
from simulation.baselines.windows import Every, Window

RESYNC_S = 10.0
"""Interval between two decisions of AIBrix's controller, in seconds."""


class ApaParameters(Part):
    """Parameters of the PodAutoscaler object."""

    kv_target_ratio: float = Field(default=0.5, ge=0.01, le=1)
    """Target for the mean KV cache usage, 0..1."""
    up_tolerance_ratio: float = Field(default=0.1, ge=0)
    """Relative distance above the target that causes no scale-up."""
    down_tolerance_ratio: float = Field(default=0.2, ge=0)
    """Relative distance below the target that causes no scale-down."""
    max_up_rate: float = Field(default=2.0, gt=1)
    """Maximum factor of one scale-up."""
    max_down_rate: float = Field(default=2.0, gt=1)
    """Maximum divisor of one scale-down."""
    window_s: float = Field(default=30.0, gt=0)
    """Window of the mean usage, in seconds."""
    down_window_s: float = Field(default=300.0, ge=0)
    """Window of the scale-down: it goes to the largest recommendation in these seconds."""


GRID: list[Point] = [
    {"kv_target_ratio": target, "down_window_s": window} for target in (0.1, 0.2, 0.35, 0.5) for window in (0, 60, 300)
]


def aibrix_apa(spec: FleetSpec, parameters: Point, knowledge: Knowledge = NO_KNOWLEDGE) -> PerPoolPolicy:
    """The policy. It needs no knowledge.

    Raises:
        ValueError: a parameter is invalid.
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

    def __call__(self, signals: PoolSignals, now_s: float) -> Proposal | None:
        if not signals.replicas or not self._resync.due(now_s):
            return None
        self._usage.add(now_s, sum(replica.kv_usage_ratio for replica in signals.replicas) / signals.ready)
        usage = self._usage.mean()
        recommended = apa_replicas(usage, signals.ready, signals.target, self._parameters)
        self._recommended.add(now_s, recommended)
        desired = recommended if recommended >= signals.target else min(signals.target, self._recommended.max())
        target = self._parameters.kv_target_ratio
        return Proposal(desired, f"KV cache usage {usage:.2f}, target {target:.2f}: {recommended} recommended")


def apa_replicas(usage: float, ready: int, replicas: int, parameters: ApaParameters) -> int:
    """The recommended number of replicas for a mean usage.

    Args:
        usage: mean KV cache usage of the ready replicas, 0..1.
        ready: replicas that serve.
        replicas: replicas last requested.
    """
    ratio = usage / parameters.kv_target_ratio
    starting = max(0, replicas - ready)
    if ratio > 1 + parameters.up_tolerance_ratio:
        highest = math.ceil(parameters.max_up_rate * replicas)
        damped = whole(usage * (replicas - starting) / parameters.kv_target_ratio)
        return max(replicas, min(whole(replicas * ratio), highest, damped))
    if ratio < 1 - parameters.down_tolerance_ratio:
        lowest = math.floor(replicas / parameters.max_down_rate)
        damped = whole(ratio * (replicas - starting)) + starting
        return min(replicas, max(whole(replicas * ratio), lowest, damped))
    return replicas
