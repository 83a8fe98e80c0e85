"""Who gets devices when there are not enough, and what is said about it."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from scaled_pools import START_S, FluidPool, fleet_spec

from autoscaling.device_budget import Claim, DeviceBudget, device_budgets, share_out
from autoscaling.planner import Planner


def claim(pool, floor, needed, wanted, target, devices=1, priority=10):
    return Claim(pool, devices, floor, needed, wanted, target, priority)


def shared(budget, *claims):
    return share_out(claims, [DeviceBudget("scaling.device_budget", budget, frozenset(each.pool for each in claims))])


@pytest.mark.parametrize(
    ("budget", "claims", "given_out"),
    [
        (10, [claim("a", 1, 3, 3, 1), claim("b", 1, 2, 2, 1)], {"a": 3, "b": 2}),
        # Floors first, whatever the others need.
        (4, [claim("a", 1, 9, 9, 1, priority=0), claim("b", 2, 0, 2, 2)], {"a": 2, "b": 2}),
        # Among equals in proportion to the need.
        (6, [claim("a", 0, 8, 8, 0), claim("b", 0, 4, 4, 0)], {"a": 4, "b": 2}),
        # By priority, lower numbers first.
        (6, [claim("a", 0, 8, 8, 0, priority=5), claim("b", 0, 4, 4, 0)], {"a": 6, "b": 0}),
        # What a pool would only keep goes to one that needs it.
        (4, [claim("a", 1, 1, 3, 3), claim("b", 1, 3, 3, 1)], {"a": 1, "b": 3}),
        # Among equals nobody loses what he needs himself: no replica moves for an even share.
        (4, [claim("a", 1, 3, 3, 3), claim("b", 1, 3, 3, 1)], {"a": 3, "b": 1}),
        # A replica of four devices does not fit into three; the small pool takes them.
        (7, [claim("a", 1, 2, 2, 1, devices=4, priority=0), claim("b", 0, 5, 5, 0)], {"a": 1, "b": 3}),
        # Remote pools take no devices.
        (1, [claim("a", 0, 5, 5, 0, devices=0), claim("b", 1, 1, 1, 1)], {"a": 5, "b": 1}),
    ],
)
def test_sharing(budget, claims, given_out):
    assert {pool: count for pool, (count, _) in shared(budget, *claims).items()} == given_out


def test_shares_of_a_device_are_granted_as_long_as_they_fit_on_one():
    # 1.8 devices in sum, but two replicas of 0.6 do not fit on one device.
    assert shared(2, claim("a", 1, 3, 3, 1, devices=0.6))["a"][0] == 2
    assert shared(2, claim("a", 1, 4, 4, 1, devices=0.5), claim("b", 0, 1, 1, 0, devices=1, priority=0)) == {
        "a": (2, "gets 2 of 4: scaling.device_budget of 2 devices is spent"),
        "b": (1, ""),
    }
    both = shared(1, claim("a", 1, 1, 1, 1, devices=0.4), claim("b", 0, 2, 2, 0, devices=0.5))
    assert {pool: count for pool, (count, _) in both.items()} == {"a": 1, "b": 1}


def test_both_sides_of_a_move_say_so():
    result = shared(4, claim("a", 1, 1, 3, 3), claim("b", 1, 3, 3, 1))
    assert result["a"][1] == "yields to b, needing 1 itself: scaling.device_budget of 4 devices is spent"
    assert result["b"][1] == "takes devices from a"


def test_a_pool_that_gets_less_says_how_much_and_why():
    result = shared(3, claim("a", 1, 5, 5, 1))
    assert result["a"] == (3, "gets 3 of 5: scaling.device_budget of 3 devices is spent")
    assert shared(9, claim("a", 1, 5, 5, 1))["a"] == (5, "")


CLAIMS = st.lists(
    st.builds(
        lambda floor, needed, kept, target, devices, priority: Claim(
            "", devices, floor, floor + needed, floor + needed + kept, target, priority
        ),
        *[st.integers(0, 6)] * 4,
        st.integers(0, 4),
        st.integers(0, 2),
    ),
    min_size=1,
    max_size=4,
)


@given(CLAIMS, st.integers(0, 80))
def test_floors_are_kept_and_the_rest_fits(claims, budget):
    named = [Claim(f"p{n}", *list(vars(each).values())[1:]) for n, each in enumerate(claims)]
    result = shared(budget, *named)
    floors = sum(each.floor * each.devices for each in named)
    assert sum(result[each.pool][0] * each.devices for each in named) <= max(budget, floors)
    assert all(each.floor <= result[each.pool][0] <= each.wanted for each in named)


def test_hardware_is_a_budget_too():
    spec = fleet_spec({"small": (1, 9), "large": (1, 9, 4)}, devices=8, device_budget=6)
    assert {(each.name, each.devices) for each in device_budgets(spec)} == {
        ("scaling.device_budget", 6),
        ("hardware gpu", 8),
    }


def test_a_busy_pool_takes_a_device_from_one_whose_load_fell():
    """In the loop: long before the quiet pool would have shrunk by itself."""
    planner = Planner(fleet_spec({"small": (1, 4), "large": (1, 4)}, device_budget=4))
    pools = {"small": FluidPool(target=3), "large": FluidPool(target=1)}
    taken = {}
    for second in range(0, 400, 2):
        loads = {"small": 16.0 if second < 150 else 0.5, "large": 0.5 if second < 210 else 16.0}
        shown = {}
        for name, pool in pools.items():
            signals = pool.run(loads[name], 2.0)
            shown[name] = type(signals)(**(vars(signals) | {"pool": name}))
        decisions = planner.decide(shown, START_S + second + 2)
        for name, pool in pools.items():
            if any(said in decisions[name].reason for said in ("yields to", "takes devices")):
                taken.setdefault(name, decisions[name].reason)
            pool.scale(decisions[name].desired)
    assert pools["large"].target > 1
    assert sum(pool.target for pool in pools.values()) <= 4
    assert "yields to large" in taken["small"]
    assert "takes devices from small" in taken["large"]
