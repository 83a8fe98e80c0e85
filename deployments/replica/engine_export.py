"""Exports a replica's reports as metrics."""

from __future__ import annotations

from cluster.load import kv_pressure
from cluster.state import ReplicaState
from deployments.metrics.engine import EngineMetrics


class EngineExport:
    """Exports the reports of one replica."""

    def __init__(self, pool: str, replica_id: str) -> None:
        self._metrics = EngineMetrics()
        self._tags = {"pool": pool, "replica": replica_id}
        self._preempted = self._generated = 0

    def set(self, state: ReplicaState) -> None:
        """Export a report."""
        metrics, tags = self._metrics, self._tags
        metrics.waiting.set(state.waiting, tags)
        metrics.running.set(state.running, tags)
        metrics.kv_usage.set(state.kv_usage_ratio, tags)
        metrics.kv_pressure.set(kv_pressure(state), tags)
        metrics.kv_capacity.set(state.kv_capacity_tokens, tags)
        metrics.as_of.set(state.as_of_s, tags)
        metrics.start.set(state.start_s, tags)
        # A replica has one engine for life, whose totals only grow.
        metrics.preemptions.inc(state.preemptions_total - self._preempted, tags)
        metrics.generated.inc(state.generated_tokens_total - self._generated, tags)
        self._preempted, self._generated = state.preemptions_total, state.generated_tokens_total
        for phase, seconds in state.start_phases_s:
            metrics.phase.set(seconds, {"pool": state.pool, "phase": phase})
