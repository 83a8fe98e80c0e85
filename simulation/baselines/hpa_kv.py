"""Kubernetes' HorizontalPodAutoscaler on the mean KV cache usage of a pool's replicas.

    desired = ceil(replicas x mean usage / target), unless usage / target is within 0.1 of 1

Source: Kubernetes documentation "Horizontal Pod Autoscaling", algorithm details, for a metric of type Pods, and
calcPlainMetricReplicas in pkg/controller/podautoscaler/replica_calculator.go. Starting replicas have no metric yet.
They count as idle if the others need a scale-up, and as at the target if the others need a scale-down. If this reverses
the direction, nothing changes. The range [0, 1] for usage and target is our addition. An autoscaler on a pod metric
cannot go below one replica.
"""

from __future__ import annotations

from pydantic import Field

from autoscaling.types import PoolSignals
from cluster.part import Part
from cluster.spec import FleetSpec
from simulation.baselines.knowledge import NO_KNOWLEDGE, Knowledge
from simulation.baselines.kubernetes import SYNC_PERIOD_S, TOLERANCE_RATIO, Behavior, within_tolerance
from simulation.baselines.parameters import Point, read_parameters
from simulation.baselines.per_pool import Bounds, PerPoolPolicy, Proposal, whole
from simulation.baselines.windows import Every


class HpaParameters(Part):
    """Parameters of the autoscaler object and of its controller."""

    kv_target_ratio: float = Field(default=0.7, ge=0.01, le=1)
    """Target for the mean KV cache usage, 0..1."""
    tolerance_ratio: float = Field(default=TOLERANCE_RATIO, ge=0)
    """Relative distance from the target that causes no change."""
    down_window_s: float = Field(default=300.0, ge=0)
    """Stabilization window for scale-down, in seconds."""


GRID: list[Point] = [
    {"kv_target_ratio": target, "down_window_s": window}
    for target in (0.1, 0.2, 0.35, 0.5, 0.7)
    for window in (60, 300)
]


def hpa_kv(spec: FleetSpec, parameters: Point, knowledge: Knowledge = NO_KNOWLEDGE) -> PerPoolPolicy:
    """The policy. It needs no knowledge.

    Raises:
        ValueError: a parameter is invalid.
    """
    chosen = read_parameters(HpaParameters, "hpa-kv", parameters)
    return PerPoolPolicy(spec, lambda pool, bounds: HpaRule(bounds, chosen), floor=1)


class HpaRule:
    """One pool's autoscaler."""

    def __init__(self, bounds: Bounds, parameters: HpaParameters) -> None:
        self._parameters = parameters
        self._behavior = Behavior(bounds, parameters.down_window_s)
        self._sync = Every(SYNC_PERIOD_S)

    def __call__(self, signals: PoolSignals, now_s: float) -> Proposal | None:
        if not signals.replicas or not self._sync.due(now_s):
            return None
        usages = [replica.kv_usage_ratio for replica in signals.replicas]
        target, tolerance = self._parameters.kv_target_ratio, self._parameters.tolerance_ratio
        recommended = plain_metric_replicas(usages, signals.target, target, tolerance)
        desired = self._behavior.settle(signals.target, recommended, now_s)
        usage = sum(usages) / len(usages)
        return Proposal(desired, f"mean KV cache usage {usage:.2f}, target {target:.2f}: {recommended} recommended")


def plain_metric_replicas(values: list[float], replicas: int, target: float, tolerance_ratio: float) -> int:
    """The recommended number of replicas for a mean over pods.

    Args:
        values: the metric of each replica that has one; not empty.
        replicas: replicas last requested, including those without the metric.
        target: target for the metric's mean.
        tolerance_ratio: relative distance from the target that causes no change.
    """
    missing = max(0, replicas - len(values))
    usage_ratio = sum(values) / len(values) / target
    if not missing:
        return replicas if within_tolerance(usage_ratio, tolerance_ratio) else whole(usage_ratio * len(values))
    total = len(values) + missing
    assumed = 0.0 if usage_ratio > 1 else target
    damped_ratio = (sum(values) + missing * assumed) / total / target
    reversed_direction = (usage_ratio - 1) * (damped_ratio - 1) < 0
    if reversed_direction or within_tolerance(damped_ratio, tolerance_ratio):
        return replicas
    return whole(damped_ratio * total)
