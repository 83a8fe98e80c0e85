"""The policy that Serve calls: what it decides comes from the planner, and nothing it meets moves or stops a fleet."""

from __future__ import annotations

import time
from dataclasses import dataclass, replace
from types import SimpleNamespace

import pytest
from counting_metrics import CountingMetrics

from autoscaling.types import PoolDecision, PoolDemand
from cluster.spec import FleetSpec
from cluster.state import PoolState, ReplicaState
from deployments.board.periods import OLDEST_VIEW_S
from deployments.scaling import policy as scaling_policy
from deployments.scaling.policy import FleetScaling, View

SPEC = FleetSpec.model_validate(
    {
        "pools": {
            name: {"tier": name, "model": name, "engine": {"kind": "simulated"}, "replicas": {"min": 1, "max": 4}}
            for name in ("small", "large")
        },
        "gateway": {"replicas": {"min": 1, "max": 3}, "max_ongoing_per_replica": 100},
    }
)


@dataclass(frozen=True)
class Id:
    """As Serve's DeploymentID."""

    name: str
    app: str = "signalbox"


class Watch:
    """As BoardWatch, without a board."""

    def __init__(self, spec):
        self.view = None
        self.published = []

    def publish(self, decisions):
        self.published += decisions


class Policy:
    """Wants as many replicas as it is told."""

    def __init__(self, **desired):
        self.desired = desired
        self.seen = []

    def decide(self, signals, now_s):
        self.seen.append(signals)
        return {pool: PoolDecision(pool, self.desired[pool], "told so", "demand") for pool in signals}


@pytest.fixture
def scaling(monkeypatch):
    monkeypatch.setattr(scaling_policy, "BoardWatch", Watch)
    monkeypatch.setattr(scaling_policy, "PolicyMetrics", CountingMetrics)
    made = FleetScaling(SPEC.model_dump(mode="json"))
    made.policy = Policy(small=3, large=1)
    return made


def contexts(gateway_requests=0.0, **targets):
    return {
        Id(name): SimpleNamespace(target_num_replicas=count, total_num_requests=gateway_requests)
        for name, count in targets.items()
    }


def view(age_s=0.0, **replicas):
    fleet = {
        pool: PoolState(
            pool, tuple(ReplicaState(pool, f"{pool}-{i}", "n", time.time(), start_s=9) for i in range(count))
        )
        for pool, count in replicas.items()
    }
    return View(time.time() - age_s, fleet, {"small": PoolDemand(5.0, 100.0, 40.0, 4.0, 0.25, held=2)}, SPEC)


def test_desired_replicas_are_the_policys(scaling):
    scaling.watch.view = view(small=2, large=2)
    desired, state = scaling(contexts(small=2, large=2))
    assert desired == {Id("small"): 3, Id("large"): 1}
    assert state == {}
    small = scaling.policy.seen[0]["small"]
    assert (small.target, small.ready, small.cold_start_s) == (2, 2, 9.0)
    assert (small.demand.arrivals_per_s, small.demand.held) == (5.0, 2)
    assert {one.pool: (one.target, one.desired, one.reason) for one in scaling.watch.published} == {
        "small": (2, 3, "told so"),
        "large": (2, 1, "told so"),
    }
    told = scaling.watch.published[0]
    assert (told.signal, told.signals["late_ratio"], told.signals["held"]) == ("demand", 0.25, 2.0)


def test_between_two_decisions_the_last_one_stands(scaling):
    scaling.watch.view = view(small=2, large=2)
    first, _ = scaling(contexts(small=2, large=2))
    second, _ = scaling(contexts(small=3, large=2))
    assert first == second
    assert len(scaling.policy.seen) == 1


@pytest.mark.parametrize("seen", [None, view(age_s=OLDEST_VIEW_S + 1, small=1, large=1)])
def test_without_a_fresh_view_every_target_stays(scaling, seen):
    scaling.memory.began_s -= scaling_policy.START_S
    scaling.watch.view = seen
    desired, _ = scaling(contexts(small=2, large=4))
    assert desired == {Id("small"): 2, Id("large"): 4}
    assert {(one.problem, one.signal) for one in scaling.watch.published} == {
        ("the fleet board is unreachable", "problem")
    }


@pytest.mark.parametrize("seen", [None, view(age_s=OLDEST_VIEW_S + 1, small=1, large=1)])
def test_a_board_that_starts_or_answers_late_at_the_start_is_no_problem(scaling, seen):
    scaling.watch.view = seen
    desired, _ = scaling(contexts(small=2, large=4))
    assert desired == {Id("small"): 2, Id("large"): 4}
    assert scaling.watch.published == []


def test_a_bug_in_the_policy_changes_nothing_and_is_reported(scaling):
    scaling.watch.view = view(small=2, large=2)
    scaling.policy = Policy(small=3)  # knows no large
    desired, _ = scaling(contexts(small=2, large=2, gateway=2))
    assert desired == {Id("small"): 2, Id("large"): 2, Id("gateway"): 2}
    assert {one.pool for one in scaling.watch.published} == {"small", "large"}
    assert "KeyError: 'large'" in scaling.watch.published[0].problem
    assert "target stays" in scaling.watch.published[0].reason


def test_what_was_decided_before_a_bug_is_not_asked_for_again(scaling, monkeypatch):
    scaling.watch.view = view(small=2, large=2)
    scaling(contexts(small=2, large=2))
    monkeypatch.setattr(scaling.memory, "decided_s", 0.0)
    scaling.policy = Policy(small=3)  # knows no large
    scaling(contexts(small=3, large=2))
    desired, _ = scaling(contexts(small=1, large=2))  # somebody set another target meanwhile
    assert desired == {Id("small"): 1, Id("large"): 2}


def test_each_change_is_counted_once_however_long_serve_takes(scaling, monkeypatch):
    def look(small, target):
        scaling.policy = Policy(small=small, large=2)
        scaling.watch.view = view(small=2, large=2)
        monkeypatch.setattr(scaling.memory, "decided_s", 0.0)
        scaling(contexts(small=target, large=2))

    for small, target in ((3, 2), (3, 2), (3, 3), (4, 3), (1, 4), (1, 1)):
        look(small, target)
    scaling.watch.view = None
    monkeypatch.setattr(scaling.memory, "decided_s", 0.0)
    scaling(contexts(small=1, large=2))  # nothing can be decided
    look(1, 1)
    assert scaling.metrics.changes.values == {
        (("direction", "up"), ("pool", "small")): 2,
        (("direction", "down"), ("pool", "small")): 1,
    }


def test_gateways_are_sized_beside_the_pools(scaling, monkeypatch):
    monkeypatch.setattr(scaling.gateways, "decide", lambda requests, target, now_s: target + int(requests))
    scaling.watch.view = view(small=2, large=2)
    desired, _ = scaling(contexts(2.0, small=2, large=2, gateway=1))
    assert desired == {Id("small"): 3, Id("large"): 1, Id("gateway"): 3}


def test_deployments_that_do_not_scale_are_not_asked_about(scaling):
    scaling.watch.view = view(small=2, large=2)
    desired, _ = scaling(contexts(small=2))
    assert desired == {Id("small"): 3}
    assert list(scaling.policy.seen[0]) == ["small"]


def test_nothing_is_decided_before_the_applied_spec_is_known(scaling):
    """The spec of the start has no sizes: a second gateway would be taken away."""
    desired, _ = scaling(contexts(small=2, large=2, gateway=2))
    assert {key.name: count for key, count in desired.items()} == {"small": 2, "large": 2, "gateway": 2}


@pytest.mark.parametrize(("section", "follows"), [("scaling", True), ("routing", False)])
def test_another_spec_is_followed_and_what_was_learned_is_kept_if_decisions_do_not_depend_on_it(
    scaling, section, follows
):
    change = {"scaling": {"downscale_delay_s": 7}, "routing": {"cost_weight": 0.5}}[section]
    changed = FleetSpec.model_validate(SPEC.model_dump(mode="json") | {section: change})
    scaling.watch.view = replace(view(small=2, large=2), spec=changed)
    policy = scaling.policy
    scaling(contexts(small=2, large=2))
    assert (scaling.policy is not policy) is follows
    assert (scaling.spec == changed) is follows
