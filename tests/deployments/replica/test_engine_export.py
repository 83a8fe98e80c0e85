"""A replica exports its engine's reports as metrics."""

from __future__ import annotations

import pytest
from counting_metrics import CountingMetrics

from cluster.load import kv_pressure
from cluster.state import ReplicaState
from deployments.replica import engine_export
from deployments.replica.engine_export import EngineExport

TAGS = {"pool": "moe", "replica": "r1"}


def state(**changes):
    given = {"waiting": 6, "running": 3, "kv_usage_ratio": 0.4, "kv_capacity_tokens": 9_000, "start_s": 12.5}
    return ReplicaState("moe", "r1", "node", 77.0, **given | changes)


@pytest.fixture
def export(monkeypatch):
    monkeypatch.setattr(engine_export, "EngineMetrics", CountingMetrics)
    return EngineExport("moe", "r1")


def test_levels_are_those_of_the_report(export):
    export.set(state())
    metrics = export._metrics
    assert metrics.waiting.at(**TAGS) == 6
    assert metrics.running.at(**TAGS) == 3
    assert metrics.kv_usage.at(**TAGS) == 0.4
    assert metrics.kv_pressure.at(**TAGS) == pytest.approx(kv_pressure(state())) == pytest.approx(1.2)
    assert metrics.kv_capacity.at(**TAGS) == 9_000
    assert metrics.as_of.at(**TAGS) == 77.0
    assert metrics.start.at(**TAGS) == 12.5


def test_totals_become_counters(export):
    for preempted, generated in ((0, 10), (2, 50), (2, 50), (5, 90)):
        export.set(state(preemptions_total=preempted, generated_tokens_total=generated))
    assert export._metrics.preemptions.at(**TAGS) == 5
    assert export._metrics.generated.at(**TAGS) == 90


def test_phases_of_the_start_are_told_with_every_report(export):
    for _ in range(2):
        export.set(state(start_phases_s=(("load", 3.0), ("warm_up", 0.5))))
    phases = {phase: export._metrics.phase.at(pool="moe", phase=phase) for phase in ("load", "warm_up", "compile")}
    assert phases == {"load": 3.0, "warm_up": 0.5, "compile": None}
