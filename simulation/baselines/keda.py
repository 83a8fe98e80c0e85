"""KEDA on waiting requests, as vLLM's production stack configures it: a threshold of 5 requests per replica.

    desired = ceil(waiting requests / threshold), unless waiting / (threshold x replicas) is within 0.1 of 1

Sources: KEDA's documentation, "ScaledObject specification" of 2.17 (pollingInterval 30 s, cooldownPeriod 300 s) and
"Scaling Deployments" of 2.15 (activation is strictly above its threshold, default 0); vllm-project/production-stack at
278f84a, tutorials/assets/values-19-keda.yaml (trigger `vllm:num_requests_waiting`, threshold 5). KEDA itself only
scales from 0 to 1 and back. From 1 on, it feeds an AverageValue metric to a HorizontalPodAutoscaler
(GetExternalPerPodMetricReplicas in replica_calculator.go of kubernetes/kubernetes). Requests that the gateway holds
count as waiting, because no others could start a pool at zero replicas.
"""

from __future__ import annotations

from pydantic import Field

from autoscaling.types import PoolSignals
from cluster.part import Part
from cluster.spec import FleetSpec
from simulation.baselines.knowledge import NO_KNOWLEDGE, Knowledge
from simulation.baselines.kubernetes import SYNC_PERIOD_S, Behavior, within_tolerance
from simulation.baselines.parameters import Point, read_parameters
from simulation.baselines.per_pool import Bounds, PerPoolPolicy, Proposal, whole
from simulation.baselines.windows import Every


class KedaParameters(Part):
    """Parameters of the ScaledObject."""

    threshold: float = Field(default=5.0, ge=0.01)
    """Waiting requests per replica."""
    activation: float = Field(default=0.0, ge=0)
    """More waiting requests than this start a pool at zero replicas, and prevent a pool from scaling to zero."""
    polling_s: float = Field(default=30.0, gt=0)
    """KEDA's polling interval, in seconds."""
    cooldown_s: float = Field(default=300.0, ge=0)
    """Seconds from the last activity until the pool scales to zero."""
    down_window_s: float = Field(default=300.0, ge=0)
    """Stabilization window for scale-down above zero replicas, in seconds."""


GRID: list[Point] = [
    {"threshold": threshold, "down_window_s": window} for threshold in (0.25, 1, 2, 5) for window in (60, 300, 900)
]


def keda(spec: FleetSpec, parameters: Point, knowledge: Knowledge = NO_KNOWLEDGE) -> PerPoolPolicy:
    """The policy. It needs no knowledge.

    Raises:
        ValueError: a parameter is invalid.
    """
    chosen = read_parameters(KedaParameters, "keda", parameters)
    return PerPoolPolicy(spec, lambda pool, bounds: KedaRule(bounds, chosen))


class KedaRule:
    """One pool's ScaledObject, with the HorizontalPodAutoscaler that KEDA creates for it."""

    def __init__(self, bounds: Bounds, parameters: KedaParameters) -> None:
        self._bounds = bounds
        self._parameters = parameters
        self._behavior = Behavior(Bounds(max(1, bounds.low), bounds.high), parameters.down_window_s)
        self._poll = Every(parameters.polling_s)
        self._sync = Every(SYNC_PERIOD_S)
        self._active_s: float | None = None

    def __call__(self, signals: PoolSignals, now_s: float) -> Proposal | None:
        waiting = signals.demand.held + sum(replica.waiting for replica in signals.replicas)
        activation = self._activation(signals, waiting, now_s) if self._poll.due(now_s) else None
        if activation or not signals.target or not self._sync.due(now_s):
            return activation
        recommended = average_value_replicas(waiting, signals.target, self._parameters.threshold)
        desired = self._behavior.settle(signals.target, recommended, now_s)
        load = f"{waiting} waiting, {self._parameters.threshold:g} per replica"
        return Proposal(desired, f"{load}: {recommended} recommended")

    def _activation(self, signals: PoolSignals, waiting: int, now_s: float) -> Proposal | None:
        """Scale from zero to one replica, and to zero after the cooldown."""
        active = waiting > self._parameters.activation
        if active or self._active_s is None:
            self._active_s = now_s
        if active and not signals.target:
            return Proposal(1, f"{waiting} waiting: scaled up from zero")
        idle_s = now_s - self._active_s
        if not active and signals.target and not self._bounds.low and idle_s >= self._parameters.cooldown_s:
            return Proposal(0, f"nothing waiting for {idle_s:.0f} s")
        return None


def average_value_replicas(total: float, replicas: int, threshold: float) -> int:
    """The recommended number of replicas for a total over the pool, at `threshold` per replica.

    Args:
        total: the metric's total over the pool.
        replicas: replicas last requested; at least 1.
        threshold: the metric's target per replica.
    """
    if within_tolerance(total / (threshold * replicas)):
        return replicas
    return whole(total / threshold)
