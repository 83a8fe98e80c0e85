"""The gateway follows its open requests, up soon and down late."""

from __future__ import annotations

import math

import pytest
from scaled_pools import START_S

from autoscaling.gateways import GatewaySize
from cluster.spec import FleetSpec


def size(low=1, high=3):
    return GatewaySize(
        FleetSpec.model_validate(
            {
                "pools": {"small": {"tier": "small", "model": "m", "engine": {"kind": "simulated"}}},
                "gateway": {"replicas": {"min": low, "max": high}, "max_ongoing_per_replica": 100},
                "scaling": {"upscale_delay_s": 3, "downscale_delay_s": 60},
            }
        )
    )


def after(gateways, open_requests, target, seconds, now_s=START_S):
    """The last decision of one each second."""
    for second in range(seconds + 1):
        target = gateways.decide(open_requests, target, now_s + second)
    return target


@pytest.mark.parametrize(("requests", "replicas"), [(0, 1), (70, 1), (71, 2), (140, 2), (141, 3), (10_000, 3)])
def test_each_has_seven_tenths_of_what_it_may(requests, replicas):
    assert after(size(), requests, 1, 5) == replicas


def test_bounds_hold():
    assert after(size(low=2), 0, 3, 200) == 2


def test_a_moment_moves_nothing_and_calm_shrinks_late():
    gateways = size()
    assert after(gateways, 500, 1, 2) == 1
    assert after(gateways, 500, 1, 5, START_S + 3) == 3
    assert after(gateways, 0, 3, 50, START_S + 9) == 3
    assert after(gateways, 0, 3, 100, START_S + 60) == 1


@pytest.mark.parametrize("requests", [math.nan, math.inf, -math.inf, -1.0])
def test_what_is_no_number_of_requests_moves_nothing(requests):
    assert after(size(), requests, 2, 300) == 2
