"""Demand of several gateway replicas, merged."""

from __future__ import annotations

from autoscaling.types import PoolDemand
from deployments.board.records import merge_demand


def test_demand_of_gateway_replicas_adds_up():
    one = {"small": PoolDemand(3, 10, 100, 2, 0.0, 5, held=1)}
    other = {"small": PoolDemand(1, 50, 400, 1, 0.75, 1, held=2), "moe": PoolDemand(2, 5)}
    assert merge_demand([one, other]) == {"small": PoolDemand(4, 20, 200, 3, 0.25, 6, held=3), "moe": PoolDemand(2, 5)}
    assert merge_demand([]) == {}
