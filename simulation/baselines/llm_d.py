"""llm-d's saturation rule: unsaturated replicas must have spare KV cache and spare queue on average.

    saturated: KV cache usage >= kv_threshold or waiting >= queue_threshold
    up by one:    mean spare KV < kv_spare or mean spare queue < queue_spare, over the unsaturated replicas
                  (0 if all are saturated), unless a replica is already starting
    down by one:  both spares would remain if the load of these N replicas were spread over N - 1, and N >= 2

Source: llm-d/llm-d-workload-variant-autoscaler (llm-d-incubation), V1 analyzer: docs/saturation-analyzer.md and
docs/saturation-scaling-config.md (thresholds 0.80, 5, 0.10, 3), internal/capacity/analyzer.go at b3ca6d2. Both steps
start from the ready replicas. Metrics are each replica's maxima over the last minute, read once a minute. A pool is one
variant and keeps at least one replica.
"""

from __future__ import annotations

from pydantic import Field

from autoscaling.types import PoolSignals
from cluster.part import Part
from cluster.spec import FleetSpec
from simulation.baselines.knowledge import NO_KNOWLEDGE, Knowledge
from simulation.baselines.parameters import Point, read_parameters
from simulation.baselines.per_pool import PerPoolPolicy, Proposal
from simulation.baselines.windows import Every, Window


class SaturationParameters(Part):
    """Parameters of the ConfigMap, and the controller's interval."""

    kv_threshold: float = Field(default=0.8, gt=0, le=1)
    """KV cache usage at which a replica is saturated, 0..1."""
    queue_threshold: float = Field(default=5.0, ge=0.01)
    """Waiting requests at which a replica is saturated."""
    kv_spare: float = Field(default=0.1, ge=0)
    """Mean spare KV cache usage to keep, 0..1."""
    queue_spare: float = Field(default=3.0, ge=0)
    """Mean spare queue to keep, in requests."""
    interval_s: float = Field(default=60.0, gt=0)
    """Seconds between decisions of the controller."""
    window_s: float = Field(default=60.0, gt=0)
    """Window of the maxima, in seconds."""


GRID: list[Point] = [
    {"kv_threshold": kv, "queue_threshold": queue, "queue_spare": spare, "interval_s": interval}
    for kv, queue, spare in ((0.8, 5, 3), (0.9, 15, 3), (0.7, 3, 2), (0.5, 3, 2), (0.3, 3, 2))
    for interval in (30, 60)
]


def llm_d(spec: FleetSpec, parameters: Point, knowledge: Knowledge = NO_KNOWLEDGE) -> PerPoolPolicy:
    """The policy. It needs no knowledge.

    Raises:
        ValueError: a parameter is invalid.
    """
    chosen = read_parameters(SaturationParameters, "llm-d", parameters)
    return PerPoolPolicy(spec, lambda pool, bounds: SaturationRule(chosen), floor=1)


class SaturationRule:
    """The rule for one pool, which is one variant."""

    def __init__(self, parameters: SaturationParameters) -> None:
        self._parameters = parameters
        self._peaks: dict[str, tuple[Window, Window]] = {}
        self._interval = Every(parameters.interval_s)

    def __call__(self, signals: PoolSignals, now_s: float) -> Proposal | None:
        self._observe(signals, now_s)
        if not signals.replicas or not self._interval.due(now_s):
            return None
        peaks = [(kv.max(), queue.max()) for kv, queue in self._peaks.values()]
        free = [(kv, queue) for kv, queue in peaks if not self._saturated(kv, queue)]
        spare_kv, spare_queue = self._spares(free, len(free))
        shown = f"spare KV {spare_kv:.2f}, spare queue {spare_queue:.1f} over {len(free)} of {signals.ready} replicas"
        if self._short(spare_kv, spare_queue):
            # No second replica is requested while the first starts.
            return Proposal(signals.target if signals.starting else signals.ready + 1, f"{shown}: too little")
        if len(free) >= 2 and not self._short(*self._spares(free, len(free) - 1)):
            return Proposal(signals.ready - 1, f"{shown}: enough with one replica less")
        return Proposal(signals.target, f"{shown}: enough")

    def _observe(self, signals: PoolSignals, now_s: float) -> None:
        """Add the reports to every replica's windows, and forget stopped replicas."""
        window_s = self._parameters.window_s
        kept = {replica.replica_id: self._peaks.get(replica.replica_id) for replica in signals.replicas}
        self._peaks = {name: peaks or (Window(window_s), Window(window_s)) for name, peaks in kept.items()}
        for replica in signals.replicas:
            kv, queue = self._peaks[replica.replica_id]
            kv.add(now_s, replica.kv_usage_ratio)
            queue.add(now_s, replica.waiting)

    def _saturated(self, kv: float, queue: float) -> bool:
        return kv >= self._parameters.kv_threshold or queue >= self._parameters.queue_threshold

    def _spares(self, free: list[tuple[float, float]], replicas: int) -> tuple[float, float]:
        """Mean spare KV cache usage and queue if `replicas` shared the load of `free`; 0 without replicas."""
        if not replicas:
            return 0.0, 0.0
        kv = self._parameters.kv_threshold - sum(kv for kv, _ in free) / replicas
        return kv, self._parameters.queue_threshold - sum(queue for _, queue in free) / replicas

    def _short(self, spare_kv: float, spare_queue: float) -> bool:
        return spare_kv < self._parameters.kv_spare - 1e-9 or spare_queue < self._parameters.queue_spare - 1e-9
