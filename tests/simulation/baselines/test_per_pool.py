from __future__ import annotations

import math

import pytest

from autoscaling.types import PoolDemand
from cluster.state import ReplicaState
from simulation.baselines.per_pool import Bounds, PerPoolPolicy, Proposal, plausible, whole


@pytest.mark.parametrize(("replicas", "expected"), [(0.3 * 10 / 0.1, 30), (30.1, 31), (0, 0), (2, 2)])
def test_whole(replicas, expected):
    assert whole(replicas) == expected


@pytest.mark.parametrize(("replicas", "expected"), [(0, 2), (2.1, 3), (9, 8), (math.inf, 8), (-math.inf, 2)])
def test_bounds(replicas, expected):
    assert Bounds(2, 8).clamp(replicas) == expected


def test_wishes_are_clamped_to_the_spec(spec, seen, ask):
    policy = PerPoolPolicy(
        spec(2, 8), lambda pool, bounds: lambda signals, now_s: Proposal(signals.demand.held, "held")
    )
    wishes = [ask(policy, seen(0, 3, [0.1], held=held), 0) for held in (0, 2, 5, 8, 100)]
    assert wishes == [2, 2, 5, 8, 8]


def test_the_floor_counts_where_the_spec_allows_less(spec, seen, ask):
    policy = PerPoolPolicy(spec(0, 8), lambda pool, bounds: lambda signals, now_s: Proposal(0, "none"), floor=1)
    assert ask(policy, seen(0, 3), 0) == 1


def test_a_rule_that_says_nothing_keeps_what_was_asked_for(spec, seen, ask):
    policy = PerPoolPolicy(spec(2, 8), lambda pool, bounds: lambda signals, now_s: None)
    assert [ask(policy, seen(0, target), 0) for target in (0, 3, 9)] == [2, 3, 8]


@pytest.mark.parametrize(
    "report",
    [
        {"as_of_s": 90.0},
        {"as_of_s": 110.0},
        {"as_of_s": math.nan},
        {"kv_usage_ratio": math.nan},
        {"kv_usage_ratio": 1.2},
        {"waiting": -1},
        {"running": math.inf},
        {"waiting": 10**400},
    ],
)
def test_reports_that_cannot_be_true_hold(spec, seen, ask, report):
    bad = ReplicaState(**{"pool": "small", "replica_id": "r0", "node_id": "n", "as_of_s": 100.0} | report)
    signals = seen(100, 5, (), held=7)
    policy = PerPoolPolicy(spec(), lambda pool, bounds: lambda signals, now_s: Proposal(signals.ready, "ready"))
    assert ask(policy, signals.__class__("small", 5, (bad,)), 100) == 5
    good = seen(100, 5, [0.5]).replicas
    assert ask(policy, signals.__class__("small", 5, (bad, *good)), 100) == 1


def test_numbers_that_cannot_be_true_become_nothing(seen):
    bad = seen(0, math.nan, held=-3, arrivals_per_s=math.inf, prompt_tokens=math.nan, cold_start_s=-1.0)
    clean = plausible(bad, 0)
    assert (clean.target, clean.cold_start_s) == (0, 0)
    assert clean.demand == PoolDemand()


def test_a_pool_that_the_spec_lacks_is_left_alone(spec, seen):
    policy = PerPoolPolicy(spec(), lambda pool, bounds: lambda signals, now_s: Proposal(3, "three"))
    decided = policy.decide({"other": seen(0, 4)}, 0)["other"]
    assert (decided.pool, decided.desired) == ("other", 4)


def test_a_moment_that_is_no_time_holds(spec, seen, ask):
    policy = PerPoolPolicy(spec(), lambda pool, bounds: lambda signals, now_s: Proposal(3, "three"))
    assert ask(policy, seen(0, 4), math.nan) == 4
