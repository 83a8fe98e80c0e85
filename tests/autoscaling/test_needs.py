"""Every signal by a table: what it asks for, and how its reason begins."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scaled_pools import ANSWER, PROMPT, START_S, report, signals

from autoscaling.concurrency import KV_CACHE, Limits, peak_running, steady_rate
from autoscaling.demand import Demand
from autoscaling.needs import Queue, backlog_need, demand_need, is_excess, kv_need, ongoing_need, preemption_need
from autoscaling.reading import read_pool
from autoscaling.speed import Speed, prompt_mix

# 20 ms alone; 0.5 ms more for each request with its share of prompts: 160 requests at 0.1 s, 2000 tokens/s at most.
SPEED = Speed(0.02, 0.0005 / prompt_mix(PROMPT, ANSWER), most_work=1e9)
LIMITS = Limits(tpot_s=0.1)


def demand(requests_per_s):
    return Demand(requests_per_s, PROMPT, ANSWER)


def reading(*replicas, **more):
    return read_pool(signals(replicas, **more), START_S)


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
    seen = reading(*(report(n, running=each) for n, each in enumerate(running)), held=held)
    assert is_excess(seen, 100.0) is excess


def test_the_crowd_settles_where_offer_and_speed_meet():
    running = peak_running(demand(5.0), SPEED, 1, 0.5)
    assert steady_rate(SPEED, running, prompt_mix(PROMPT, ANSWER)) == pytest.approx(5.0 * ANSWER)


@pytest.mark.parametrize(
    ("requests_per_s", "limits", "certainty", "needed", "said"),
    [
        (0.0, LIMITS, 0.99, 0, "no requests arrive"),
        (1.0, LIMITS, 0.99, 1, "TPOT 0.1 s"),
        (7.9, LIMITS, 0.5, 1, "TPOT 0.1 s"),  # 160 running give 1600 tokens/s: 8 requests/s
        (8.1, LIMITS, 0.5, 2, "TPOT 0.1 s"),
        (7.5, LIMITS, 0.99, 2, "TPOT 0.1 s"),  # room for chance
        (80.0, LIMITS, 0.99, 11, "TPOT 0.1 s"),  # less of it in a larger pool
        (7.0, Limits(0.1, slots=32), 0.5, 2, "its batch"),
        (7.0, Limits(0.1, kv_tokens=40_000, held_tokens=1_100), 0.5, 2, KV_CACHE),
        (1e9, LIMITS, 0.99, 40, "TPOT 0.1 s"),
        (1.0, Limits(tpot_s=0.001), 0.5, 1, "TPOT 0.04 s"),  # a target that the model alone misses
    ],
)
def test_demand(requests_per_s, limits, certainty, needed, said):
    need = demand_need(demand(requests_per_s), SPEED, limits, certainty, most=40)
    assert need.replicas == needed
    assert need.reason.startswith("KV: demand: " if said == KV_CACHE else "demand: ")
    assert need.signal == ("kv" if said == KV_CACHE else "demand")
    assert said in need.reason


def test_what_was_never_seen_is_not_relied_on():
    need = demand_need(demand(7.0), Speed(0.02, 0.0002, most_work=100.0), LIMITS, 0.5, most=40)
    assert need.replicas == 2
    assert "never seen" in need.reason
    trusted = Limits(0.1, usual_running=200.0)
    assert demand_need(demand(7.0), Speed(0.02, 0.0002, most_work=50.0), trusted, 0.5, most=40).replicas == 1


@given(st.floats(0, 1_000), st.floats(1, 2), st.floats(0.5, 0.999))
def test_more_demand_never_needs_less(requests_per_s, factor, certainty):
    loads = (requests_per_s, requests_per_s * factor)
    needs = [demand_need(demand(load), SPEED, LIMITS, certainty, 500) for load in loads]
    assert needs[0].replicas <= needs[1].replicas


def test_ongoing_requests_stand_in_while_the_speed_is_unknown():
    need = ongoing_need(reading(report(waiting=10, running=20), report(1, running=3), held=4), 16.0)
    assert (need.replicas, need.reason[:8]) == (3, "ongoing:")


def queue(requests_per_s=1.0, starts=(), drain_s=30.0, cold_start_s=60.0):
    return Queue(demand(requests_per_s), SPEED, LIMITS, starts, cold_start_s, drain_s, 2.0)


@pytest.mark.parametrize(
    ("shown", "weighed", "needed", "said"),
    [
        (reading(report(running=160)), queue(7.9), 0, "no backlog"),
        (reading(report(running=170)), queue(7.9), 0, "no backlog"),  # chance
        (reading(report(running=160, waiting=400)), queue(1.0), 1, "worked off before"),  # idle capacity takes it
        (reading(report(running=160, waiting=400)), queue(8.0), 3, "80000 tokens of it left"),
        (reading(report(running=160, waiting=800)), queue(8.0), 5, "160000 tokens of it left"),
        # Two that start serve for 40 of the next 90 seconds: 2 x 40 x 1600 tokens.
        (reading(report(running=160, waiting=400), target=3), queue(8.0, [(50.0, 2)]), 3, "worked off before"),
        # Two that start as late as a new one would leave it as it is for 60 seconds and then have 30.
        (reading(report(running=160, waiting=800), target=3), queue(8.0, [(60.0, 2)]), 5, "64000 tokens of it left"),
        (reading(held=5), queue(0.1), 1, "5 waiting (predicted inf s)"),
    ],
)
def test_queue(shown, weighed, needed, said):
    need = backlog_need(shown, weighed)
    assert need.replicas == needed
    assert need.reason.startswith("queue: ")
    assert said in need.reason


def test_a_backlog_that_the_kv_cache_makes_says_so():
    """Forty requests fit into the batch and ten of them into the cache: nothing waits, and it is too much."""
    narrow = Queue(demand(0.1), SPEED, Limits(0.1, kv_tokens=10_000, held_tokens=1_000), (), 60.0, 30.0, 2.0)
    need = backlog_need(reading(report(running=40)), narrow)
    assert need.reason.startswith("KV: queue: 0 waiting")
    assert need.signal == "kv"


@given(st.integers(0, 2_000), st.integers(0, 2_000))
def test_a_longer_queue_never_needs_less(waiting, more):
    needs = [backlog_need(reading(report(running=160, waiting=n)), queue(8.0)) for n in (waiting, waiting + more)]
    assert needs[0].replicas <= needs[1].replicas


@pytest.mark.parametrize(
    ("replicas", "answer_tokens", "needed", "said"),
    [
        ([report(running=10, usage=0.5)], 0.0, 1, "50%"),
        ([report(running=10, usage=0.95)], 0.0, 2, "95%"),  # the queue is empty
        ([report(running=10, usage=0.9, waiting=10)], 0.0, 2, "180%"),  # those that wait want as much again
        ([report(running=100, usage=0.3)], 6_000.0, 2, "30% of 1 replicas' caches and 70% more"),  # a young batch
        ([report(running=100, usage=0.8), report(1, running=2, usage=0.1)], 0.0, 1, "45%"),
        ([report(running=100, usage=0.99), report(1, running=100, usage=0.99)], 0.0, 3, "99%"),
        ([report(running=10, usage=0.99, kv_capacity_tokens=0)], 0.0, 0, "no cache reported"),
    ],
)
def test_kv_pressure(replicas, answer_tokens, needed, said):
    need = kv_need(reading(*replicas), Demand(1.0, PROMPT, answer_tokens))
    assert need.replicas == needed
    assert need.reason.startswith("KV: ")
    assert said in need.reason


def test_preemptions():
    shown = reading(report(), report(1), target=5)
    assert preemption_need(shown, 0).replicas == 0
    need = preemption_need(shown, 3)
    assert need.replicas == 3, "one more than serve; three start already"
    assert need.reason == "KV: 3 requests preempted lately for lack of cache"


def test_limits_never_shut_a_replica():
    allowed, _ = Limits(0.1, kv_tokens=10, held_tokens=1_000).most_running(SPEED, 1.0)
    assert allowed == 1
    assert peak_running(demand(100.0), SPEED, 1, 0.5) == math.inf
