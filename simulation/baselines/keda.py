"""KEDA on waiting requests, as vLLM's production stack sets it up: a threshold of 5 requests for each replica.

    desired = ceil(waiting requests / threshold), unless waiting / (threshold x replicas) is within 0.1 of 1

Sources: KEDA's documentation, "ScaledObject specification" of 2.17 (pollingInterval 30 s, cooldownPeriod 300 s) and
"Scaling Deployments" of 2.15 (activation is strictly above its threshold, default 0); vllm-project/production-stack at
278f84a, tutorials/assets/values-19-keda.yaml (trigger `vllm:num_requests_waiting`, threshold 5). KEDA itself only goes
from 0 to 1 and back; from 1 on it feeds an AverageValue metric to a HorizontalPodAutoscaler
(GetExternalPerPodMetricReplicas in replica_calculator.go of kubernetes/kubernetes). Requests that the gateway holds
count as waiting: without replicas no others could wake the pool.
"""

from __future__ import annotations

from pydantic import Field

from autoscaling.types import PoolSignals
from cluster.pool import Part
from cluster.spec import FleetSpec
from simulation.baselines.knowledge import NOTHING, Knowledge
from simulation.baselines.kubernetes import SYNC_PERIOD_S, Behavior, within_tolerance
from simulation.baselines.parameters import Point, read_parameters
from simulation.baselines.per_pool import Bounds, PerPoolPolicy, Wish, whole
from simulation.baselines.windows import Every


class KedaParameters(Part):
    """Parameters of the ScaledObject."""

    threshold: float = Field(default=5.0, ge=0.01)
    """Waiting requests for each replica."""
    activation: float = Field(default=0.0, ge=0)
    """More waiting requests than this wake a pool without replicas, and keep one from going there."""
    polling_s: float = Field(default=30.0, gt=0)
    """How often KEDA asks whether there is anything to do."""
    cooldown_s: float = Field(default=300.0, ge=0)
    """From the last activity to no replicas at all."""
    down_window_s: float = Field(default=300.0, ge=0)
    """Stabilization window of scaling down among 1 and more replicas."""


GRID: list[Point] = [
    {"threshold": threshold, "down_window_s": window} for threshold in (0.25, 1, 2, 5) for window in (60, 300, 900)
]


def keda(spec: FleetSpec, parameters: Point, knowledge: Knowledge = NOTHING) -> PerPoolPolicy:
    """The policy; it reads no knowledge.

    Raises:
        ValueError: a parameter is wrong.
    """
    chosen = read_parameters(KedaParameters, "keda", parameters)
    return PerPoolPolicy(spec, lambda pool, bounds: KedaRule(bounds, chosen))


class KedaRule:
    """One pool's ScaledObject and the HorizontalPodAutoscaler that KEDA makes for it."""

    def __init__(self, bounds: Bounds, parameters: KedaParameters) -> None:
        self._bounds = bounds
        self._parameters = parameters
        self._behavior = Behavior(Bounds(max(1, bounds.low), bounds.high), parameters.down_window_s)
        self._poll = Every(parameters.polling_s)
        self._sync = Every(SYNC_PERIOD_S)
        self._active_s: float | None = None

    def __call__(self, signals: PoolSignals, now_s: float) -> Wish | None:
        waiting = signals.demand.held + sum(replica.waiting for replica in signals.replicas)
        wish = self._activation(signals, waiting, now_s) if self._poll.due(now_s) else None
        if wish or not signals.target or not self._sync.due(now_s):
            return wish
        recommended = average_value_replicas(waiting, signals.target, self._parameters.threshold)
        desired = self._behavior.settle(signals.target, recommended, now_s)
        asked = f"{waiting} waiting, {self._parameters.threshold:g} for each replica"
        return Wish(desired, f"{asked}: {recommended} recommended")

    def _activation(self, signals: PoolSignals, waiting: int, now_s: float) -> Wish | None:
        """From none to one replica, and to none after the cooldown."""
        active = waiting > self._parameters.activation
        if active or self._active_s is None:
            self._active_s = now_s
        if active and not signals.target:
            return Wish(1, f"{waiting} waiting: woken")
        idle_s = now_s - self._active_s
        if not active and signals.target and not self._bounds.low and idle_s >= self._parameters.cooldown_s:
            return Wish(0, f"nothing waiting for {idle_s:.0f} s")
        return None


def average_value_replicas(total: float, replicas: int, threshold: float) -> int:
    """Replicas that a total over the pool recommends, at `threshold` for each.

    Args:
        replicas: replicas last asked for; at least 1.
    """
    if within_tolerance(total / (threshold * replicas)):
        return replicas
    return whole(total / threshold)
