"""The `scaling` section: what it refuses, and with which words."""

from __future__ import annotations

import pytest
from pydantic import ValidationError
from scaled_pools import fleet_spec

POOLS = {"small": (1, 4), "large": (1, 2, 4)}


@pytest.mark.parametrize(
    ("scaling", "parts"),
    [
        ({"device_budget": 4}, ["scaling.device_budget", "invalid value 4", "at least 5"]),
        ({"priorities": {"smal": 1}}, ["scaling.priorities.smal", "did you mean 'small'?"]),
        ({"attainment_target": 1.0}, ["attainment_target", "less than 1"]),
        ({"tpot_target_s": 0.0}, ["tpot_target_s", "greater than 0"]),
    ],
)
def test_what_cannot_be_is_refused(scaling, parts):
    with pytest.raises(ValidationError) as caught:
        fleet_spec(POOLS, **scaling)
    assert all(part in str(caught.value) for part in parts), str(caught.value)


@pytest.mark.parametrize(
    ("standby", "scaling", "parts"),
    [
        (4, {}, ["pools.small.replicas", "standby", "invalid value 4", "at most 3"]),
        (-1, {}, ["pools.small.replicas.standby", "greater than or equal to 0"]),
        (1, {"policy": "ray-serve"}, ["pools.small.replicas.standby", "scaling.policy signalbox", "remove standby"]),
    ],
)
def test_standby_that_cannot_be_is_refused(standby, scaling, parts):
    with pytest.raises(ValidationError) as caught:
        fleet_spec({"small": (1, 4)}, standby=standby, **scaling)
    assert all(part in str(caught.value) for part in parts), str(caught.value)


def test_a_budget_that_just_holds_the_minimum_is_fine():
    assert fleet_spec(POOLS, device_budget=5, priorities={"large": 0}).scaling.priorities == {"large": 0}
