"""Every need by a table: what it asks for, and how its reason begins."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scaled_pools import ANSWER, PROMPT, START_S, report, signals

from autoscaling.concurrency import KV_CACHE, Limits, peak_running, steady_rate
from autoscaling.demand_history import Demand
from autoscaling.lateness import LatenessTable
from autoscaling.needs import (
    NEEDS,
    STANDBY_COVERS,
    backlog_need,
    demand_need,
    forecast_need,
    is_excess,
    kv_need,
    late_surge_need,
    needs_of,
    ongoing_need,
    preemption_need,
    surge_need,
)
from autoscaling.outlook import Outlook
from autoscaling.speed import Speed, prompt_mix
from autoscaling.validation import validated
from cluster.scaling import ScalingSpec

# 20 ms alone; 0.5 ms more for each request with its share of prompts: 160 requests at 0.1 s, 2000 tokens/s at most.
SPEED = Speed(0.02, 0.0005 / prompt_mix(PROMPT, ANSWER), most_work=1e9)
LIMITS = Limits(tpot_s=0.1)
LEAST = 0.5 + 1e-9
"""The lowest attainment target that a spec may have: hardly any headroom for chance."""


def demand(requests_per_s):
    return Demand(requests_per_s, PROMPT, ANSWER)


def valid(*replicas, **more):
    return validated(signals(replicas, **more), START_S)


def outlook(requests_per_s=1.0, shown=None, attainment_target=0.99, **more):
    """A busy pool under a load, with a known speed."""
    fields = {
        "valid": shown or valid(report()),
        "loads": {"demand": demand(requests_per_s)},
        "speed": SPEED,
        "limits": LIMITS,
        "lateness": LatenessTable(),
        "starts": (),
        "cold_start_s": 60.0,
        "idle_s": 0.0,
        "preempted": 0,
        "scaling": ScalingSpec(attainment_target=attainment_target),
        "most": 40,
    }
    return Outlook(**fields | more)


@pytest.mark.parametrize(
    ("running", "held", "excess"),
    [
        ((100, 100), 0, False),
        ((110, 110), 0, False),  # by chance
        ((112, 112), 0, True),
        ((100, 100), 23, True),
        ((160, 40), 0, True),  # the one that came late takes nothing over
        ((), 1, True),
        ((), 0, False),
    ],
)
def test_excess_is_what_is_beyond_the_healthy_batch_of_the_replica_that_has_it(running, held, excess):
    seen = valid(*(report(n, running=each) for n, each in enumerate(running)), held=held)
    assert is_excess(seen, 100.0) is excess


def test_the_batch_settles_where_demand_and_speed_meet():
    running = peak_running(demand(5.0), SPEED, 1, 0.5)
    assert steady_rate(SPEED, running, prompt_mix(PROMPT, ANSWER)) == pytest.approx(5.0 * ANSWER)


@pytest.mark.parametrize(
    ("requests_per_s", "limits", "attainment", "needed", "said"),
    [
        (0.0, LIMITS, 0.99, 0, "no requests arrive"),
        (1.0, LIMITS, 0.99, 1, "TPOT 0.1 s"),
        (7.9, LIMITS, LEAST, 1, "TPOT 0.1 s"),  # 160 running give 1600 tokens/s: 8 requests/s
        (8.1, LIMITS, LEAST, 2, "TPOT 0.1 s"),
        (7.5, LIMITS, 0.99, 2, "TPOT 0.1 s"),  # room for chance
        (80.0, LIMITS, 0.99, 11, "TPOT 0.1 s"),  # less of it in a larger pool
        (7.0, Limits(0.1, slots=32), LEAST, 2, "its batch"),
        (7.0, Limits(0.1, kv_tokens=40_000, held_tokens=1_100), LEAST, 2, KV_CACHE),
        (1e9, LIMITS, 0.99, 40, "TPOT 0.1 s"),
        (1.0, Limits(tpot_s=0.001), LEAST, 1, "TPOT 0.04 s"),  # a target that the model alone misses
    ],
)
def test_demand(requests_per_s, limits, attainment, needed, said):
    need = demand_need(outlook(requests_per_s, attainment_target=attainment, limits=limits))
    assert need.replicas == needed
    assert need.reason.startswith("KV: demand: " if said == KV_CACHE else "demand: ")
    assert need.signal == ("kv" if said == KV_CACHE else "demand")
    assert said in need.reason


def test_concurrency_beyond_what_was_observed_is_not_relied_on():
    need = demand_need(outlook(7.0, attainment_target=LEAST, speed=Speed(0.02, 0.0002, most_work=100.0)))
    assert need.replicas == 2
    assert "highest concurrency observed" in need.reason
    trusted, speed = Limits(0.1, usual_running=200.0), Speed(0.02, 0.0002, most_work=50.0)
    assert demand_need(outlook(7.0, attainment_target=LEAST, speed=speed, limits=trusted)).replicas == 1


@given(st.floats(0, 1_000), st.floats(1, 2), st.floats(0.501, 0.999))
def test_more_demand_never_needs_less(requests_per_s, factor, attainment):
    loads = (requests_per_s, requests_per_s * factor)
    needs = [demand_need(outlook(load, attainment_target=attainment, most=500)) for load in loads]
    assert needs[0].replicas <= needs[1].replicas


def test_a_surge_has_no_headroom_for_chance_since_it_is_a_worst_case_already():
    loads = {"demand": demand(1.0), "surge": demand(7.9), "forecast": demand(7.9)}
    ahead = outlook(loads=loads)
    assert (surge_need(ahead).replicas, surge_need(ahead).signal) == (1, "surge")
    assert (forecast_need(ahead).replicas, forecast_need(ahead).reason[:9]) == (2, "forecast:")
    assert surge_need(outlook()) is forecast_need(outlook()) is None


def test_a_surge_may_miss_the_slo_ten_times_as_often():
    lateness = LatenessTable()
    for _ in range(20):
        lateness.add(8_000.0, 100.0, 0.05)
    ahead = outlook(lateness=lateness, loads={"demand": demand(50.0), "surge": demand(50.0)})
    assert needs_of(ahead)["late demand"].replicas > 1
    assert late_surge_need(ahead).replicas == 0


def test_ongoing_requests_decide_while_the_speed_is_unknown():
    shown = valid(report(waiting=10, running=20), report(1, running=3), held=4)
    need = ongoing_need(outlook(shown=shown, speed=None))
    assert (need.replicas, need.reason[:8]) == (3, "ongoing:")
    assert set(needs_of(outlook(shown=shown, speed=None))) == {"ongoing", "kv", "preemptions", "awake"}
    assert ongoing_need(outlook()) is None


@pytest.mark.parametrize(("idle_s", "idle"), [(None, True), (299.0, False), (301.0, True)])
def test_an_idle_pool_has_no_other_need(idle_s, idle):
    needs = needs_of(outlook(idle_s=idle_s))
    assert (list(needs) == ["idle"]) is idle
    assert ("awake" in needs) is not idle


def test_what_standby_covers_are_needs():
    assert NEEDS.keys() >= STANDBY_COVERS


@pytest.mark.parametrize(
    ("shown", "requests_per_s", "starts", "needed", "said"),
    [
        (valid(report(running=160)), 7.9, (), 0, "no backlog"),
        (valid(report(running=170)), 7.9, (), 0, "no backlog"),  # chance
        (valid(report(running=160, waiting=400)), 1.0, (), 1, "cleared before"),  # idle capacity takes it
        (valid(report(running=160, waiting=400)), 8.0, (), 3, "80000 tokens of it left"),
        (valid(report(running=160, waiting=800)), 8.0, (), 5, "160000 tokens of it left"),
        # Two that start serve for 40 of the next 90 seconds: 2 x 40 x 1600 tokens.
        (valid(report(running=160, waiting=400), target=3), 8.0, [(50.0, 2)], 3, "cleared before"),
        # Two that start as late as a new one would leave it as it is for 60 seconds and then have 30.
        (valid(report(running=160, waiting=800), target=3), 8.0, [(60.0, 2)], 5, "64000 tokens of it left"),
        (valid(held=5), 0.1, (), 1, "5 waiting (predicted inf s)"),
    ],
)
def test_backlog(shown, requests_per_s, starts, needed, said):
    need = backlog_need(outlook(requests_per_s, shown, starts=starts))
    assert need.replicas == needed
    assert need.reason.startswith("queue: ")
    assert said in need.reason


def test_a_backlog_that_the_kv_cache_makes_says_so():
    """Forty requests fit into the batch and ten of them into the cache: nothing waits, and it is too much."""
    narrow = Limits(0.1, kv_tokens=10_000, held_tokens=1_000)
    need = backlog_need(outlook(0.1, valid(report(running=40)), limits=narrow))
    assert need.reason.startswith("KV: queue: 0 waiting")
    assert need.signal == "kv"


@given(st.integers(0, 2_000), st.integers(0, 2_000))
def test_a_longer_queue_never_needs_less(waiting, more):
    shown = [valid(report(running=160, waiting=n)) for n in (waiting, waiting + more)]
    needs = [backlog_need(outlook(8.0, each)) for each in shown]
    assert needs[0].replicas <= needs[1].replicas


@pytest.mark.parametrize(
    ("replicas", "answer_tokens", "needed", "said"),
    [
        ([report(running=10, usage=0.5)], 0.0, 1, "50%"),
        ([report(running=10, usage=0.95)], 0.0, 2, "95%"),  # the queue is empty
        ([report(running=10, usage=0.9, waiting=10)], 0.0, 2, "180%"),  # those that wait want as much again
        ([report(running=100, usage=0.3)], 6_000.0, 2, "30% of 1 replicas' caches, and 70% more"),  # a young batch
        ([report(running=100, usage=0.8), report(1, running=2, usage=0.1)], 0.0, 1, "45%"),
        ([report(running=100, usage=0.99), report(1, running=100, usage=0.99)], 0.0, 3, "99%"),
        ([report(running=10, usage=0.99, kv_capacity_tokens=0)], 0.0, 0, "no cache reported"),
    ],
)
def test_kv_pressure(replicas, answer_tokens, needed, said):
    need = kv_need(outlook(shown=valid(*replicas), loads={"demand": Demand(1.0, PROMPT, answer_tokens)}))
    assert need.replicas == needed
    assert need.reason.startswith("KV: ")
    assert said in need.reason


def test_preemptions():
    shown = valid(report(), report(1), target=5)
    assert preemption_need(outlook(shown=shown)).replicas == 0
    need = preemption_need(outlook(shown=shown, preempted=3))
    assert need.replicas == 3, "one more than serve; three start already"
    assert need.reason == "KV: 3 requests preempted recently for lack of cache"


def test_limits_never_shut_a_replica():
    allowed, _ = Limits(0.1, kv_tokens=10, held_tokens=1_000).most_running(SPEED, 1.0)
    assert allowed == 1
    assert peak_running(demand(100.0), SPEED, 1, 0.5) == math.inf
