"""Sizes, reasons and ages that a gateway exports, with and without the board."""

from __future__ import annotations

from dataclasses import replace

import pytest
from counting_metrics import CountingMetrics

from cluster.spec import FleetSpec
from cluster.state import PoolState, ReplicaState
from deployments.board.records import Decided
from deployments.gateway.scaling_export import ScalingExport

SPEC = FleetSpec.model_validate(
    {
        "pools": {
            name: {
                "tier": name,
                "model": name,
                "engine": {"kind": "simulated"},
                "replicas": {"min": low, "max": high},
                "prices": {"replica_per_hour": 2.5},
            }
            for name, low, high in (("small", 1, 4), ("moe", 2, 2), ("large", 0, 3))
        }
    }
)
GROWS = Decided("small", 99.0, 1, 3, 1, "KV: much", {"cold_start_s": 42.0}, signal="kv")
FLEET = {"small": PoolState("small", (ReplicaState("small", "a", "n", 98.0), ReplicaState("small", "b", "n", 95.0)))}


@pytest.fixture
def metrics():
    return CountingMetrics()


@pytest.fixture
def export(metrics):
    return ScalingExport(SPEC, metrics)


def sizes(metrics, pool):
    return {state: metrics.replicas.at(pool=pool, state=state) for state in ("desired", "ready", "starting")}


def test_sizes_come_from_decisions_and_where_nobody_decides_from_the_spec(metrics, export):
    export.set({"small": replace(GROWS, target=3)}, FLEET, 100.0)
    assert sizes(metrics, "small") == {"desired": 3, "ready": 2, "starting": 1}
    assert sizes(metrics, "moe") == {"desired": 2, "ready": 0, "starting": 2}
    assert sizes(metrics, "large") == {"desired": None, "ready": 0, "starting": None}, "Ray Serve decides"
    assert metrics.replica_cost.at(pool="small") == 5.0


def test_one_reason_is_set_and_the_last_one_taken_back(metrics, export):
    export.set({"small": GROWS}, FLEET, 100.0)
    export.set({"small": replace(GROWS, signal="idle")}, FLEET, 101.0)
    told = {dict(key)["reason"]: value for key, value in metrics.scaling_reason.values.items()}
    assert [reason for reason, value in told.items() if value] == ["idle"]
    assert {"kv", "held", "problem", "budget"} < told.keys()
    assert metrics.cold_start.at(pool="small") == 42.0


def test_a_problem_does_not_forget_how_long_starts_take(metrics, export):
    export.set({"small": GROWS}, FLEET, 100.0)
    export.set({"small": replace(GROWS, signals={}, problem="no board", signal="problem")}, FLEET, 101.0)
    assert metrics.cold_start.at(pool="small") == 42.0
    assert metrics.scaling_reason.at(pool="small", reason="problem") == 1


def test_ages_are_those_of_the_oldest_and_grow_while_the_board_is_away(metrics, export):
    export.set({"small": GROWS}, FLEET, 100.0)
    assert metrics.report_age.at(pool="small") == 5.0
    assert metrics.report_age.at(pool="moe") == 0.0, "it has no replicas"
    assert metrics.decision_age.at(pool="small") == 1.0
    export.set(None, None, 130.0)
    assert metrics.report_age.at(pool="small") == 35.0
    assert metrics.decision_age.at(pool="small") == 31.0
    assert sizes(metrics, "small") == {"desired": 3, "ready": 2, "starting": 0}


def test_nothing_is_told_of_a_fleet_that_was_never_seen(metrics, export):
    export.set({}, None, 100.0)
    assert not any(recorder.values for recorder in metrics.made.values())


def test_clocks_that_differ_make_no_negative_age(metrics, export):
    export.set({"small": GROWS}, FLEET, 90.0)
    assert metrics.report_age.at(pool="small") == metrics.decision_age.at(pool="small") == 0.0
