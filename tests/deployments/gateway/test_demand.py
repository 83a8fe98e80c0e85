"""Demand: counted over a window, held where a pool is empty."""

from __future__ import annotations

import pytest

from autoscaling.demand_window import WINDOW_S
from autoscaling.types import PoolDemand
from cluster.state import PoolState, ReplicaState
from deployments.gateway.demand import GatewayDemand

READY = {"small": PoolState("small", (ReplicaState("small", "r", "n", 0.0),))}


class Clock:
    def __init__(self):
        self.now_s = 1_000.0

    def __call__(self):
        return self.now_s


@pytest.fixture
def clock():
    return Clock()


def test_arrivals_are_a_mean_over_the_window(clock):
    demand = GatewayDemand(clock)
    clock.now_s += 100
    for _ in range(60):
        demand.arrived("small", 10)
        demand.arrived("small", 30)
        clock.now_s += 1
    seen = demand.now(["small", "moe"], READY)
    assert seen["small"].arrivals_per_s == pytest.approx(2, rel=0.1)
    assert seen["small"].prompt_tokens == 20
    assert seen["moe"] == PoolDemand()


def test_requests_are_ongoing_until_they_end_however_they_end(clock):
    demand = GatewayDemand(clock)

    def fail():
        with demand.asked("small"), demand.asked("small"):
            assert demand.ongoing["small"] == 2
            raise ConnectionError

    with pytest.raises(ConnectionError):
        fail()
    assert demand.ongoing["small"] == 0


def test_a_young_gateway_divides_by_its_age(clock):
    demand = GatewayDemand(clock)
    clock.now_s += 5
    for _ in range(10):
        demand.arrived("small", 1)
    assert demand.now(["small"], READY)["small"].arrivals_per_s == pytest.approx(2)


def test_what_is_older_than_the_window_counts_no_more(clock):
    demand = GatewayDemand(clock)
    demand.arrived("small", 10)
    demand.answered("small", 50, late=False)
    assert demand.now(["small"], READY)["small"].answer_tokens == 50
    clock.now_s += WINDOW_S + 1
    assert demand.now(["small"], READY)["small"] == PoolDemand()


@pytest.mark.parametrize(("fleet", "held"), [(READY, 0), ({}, 2), ({"small": PoolState("small")}, 2), (None, 0)])
def test_requests_are_held_where_a_pool_has_no_replica(fleet, held):
    demand = GatewayDemand()
    with demand.unopened("small"), demand.unopened("small"):
        assert demand.now(["small"], fleet)["small"].held == held
    assert demand.now(["small"], {})["small"].held == 0


def test_a_failing_request_is_held_no_more():
    demand = GatewayDemand()
    with pytest.raises(RuntimeError), demand.unopened("small"):
        raise RuntimeError
    assert demand.now(["small"], {})["small"].held == 0
