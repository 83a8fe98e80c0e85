"""Standby replicas: kept beyond what the load needs, never beyond what there is, and the first to go."""

from __future__ import annotations

from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scaled_pools import START_S, FluidPool, fleet_spec, report, signals

from autoscaling.planner import Planner


def settled(load, standby, minutes=40):
    """Targets over the last ten minutes of a constant load, and the reasons."""
    planner, pool = Planner(fleet_spec({"small": (0, 20)}, standby=standby, idle_s=60.0)), FluidPool(target=4)
    seen = []
    for _ in range(minutes * 30):
        decision = planner.decide({"small": pool.run(load, 2.0)}, pool.now_s)["small"]
        pool.scale(decision.desired)
        seen.append(decision)
    return seen[-300:]


@settings(max_examples=3, deadline=None)
@given(load=st.floats(0.5, 40), standby=st.integers(1, 4))
def test_a_constant_load_gets_so_many_more_and_they_stay(load, standby):
    plain = [decision.desired for decision in settled(load, 0)]
    spare = settled(load, standby)
    moves = [b.desired - a.desired for a, b in pairwise(spare) if a.desired != b.desired]
    assert len(moves) <= 1
    # More replicas are less busy, which is seen as a little less noise; nothing else moves.
    assert standby - 1 <= spare[-1].desired - plain[-1] <= standby + 1
    assert f"+{standby} standby" in spare[-1].reason


def test_an_idle_pool_keeps_its_standby():
    planner = Planner(fleet_spec({"small": (0, 4)}, standby=1, idle_s=60.0))
    pool = FluidPool(target=1)
    for load, seconds in ((1.0, 200), (0.0, 400)):
        for _ in range(seconds // 2):
            decision = planner.decide({"small": pool.run(load, 2.0)}, pool.now_s)["small"]
            pool.scale(decision.desired)
        pool.ongoing = 0.0
    assert decision.desired == 1
    assert decision.reason.startswith("idle")
    assert "+1 standby" in decision.reason


def test_the_minimum_of_an_idle_pool_is_its_standby_too():
    planner = Planner(fleet_spec({"small": (2, 4)}, standby=1))
    now_s = START_S
    calm = signals([report(0, now_s), report(1, now_s)], now_s)
    decision = planner.decide({"small": calm}, now_s)["small"]
    assert decision.desired == 2
    assert "standby" not in decision.reason


@pytest.mark.parametrize("standby", [0, 1, 2])
def test_a_trouble_is_what_they_stand_by_for(standby):
    """Requests thrown out of two replicas' batches ask for a third; a standby replica is not added to that."""
    planner = Planner(fleet_spec({"small": (1, 9)}, standby=standby, upscale_delay_s=2))
    for second in range(0, 8, 2):
        now_s = START_S + second
        thrown = [
            report(n, now_s, running=2, usage=0.1, generated_tokens_total=second, preemptions_total=second)
            for n in range(2)
        ]
        decision = planner.decide({"small": signals(thrown, now_s, arrivals_per_s=0.01)}, now_s)["small"]
    assert decision.desired == 3
    assert ("standby" in decision.reason) == (standby > 2)


def test_standby_yields_to_what_another_pool_needs():
    pools = {"small": (1, 4), "large": (1, 2, 2)}
    spec = fleet_spec(pools, device_budget=5, upscale_delay_s=0)
    data = spec.model_dump(mode="json")
    data["pools"]["small"]["replicas"]["standby"] = 2
    planner = Planner(type(spec).model_validate(data))
    decided = []
    for look in range(3):
        now_s = START_S + 2 * look
        small = [report(n, now_s, running=1) for n in range(3)]
        large = [replace(report(9, now_s, waiting=40 * bool(look), running=10), pool="large")]
        shown = {
            "small": signals(small, now_s, arrivals_per_s=0.1, answer_tokens=0),
            "large": replace(signals(large, now_s, answer_tokens=0), pool="large"),
        }
        decided.append(planner.decide(shown, now_s))
    assert [each["small"].desired for each in decided] == [3, 1, 1]
    assert "+2 standby" in decided[0]["small"].reason
    assert decided[-1]["large"].desired == 2
    assert "yields to large" in decided[1]["small"].reason


@settings(max_examples=30, deadline=None)
@given(
    standby=st.integers(0, 3),
    looks=st.lists(
        st.tuples(st.integers(0, 200), st.integers(0, 256), st.floats(0, 1), st.integers(0, 9)), min_size=1, max_size=6
    ),
)
def test_bounds_and_budget_hold(standby, looks):
    pools = {"small": (1, 8), "moe": (0, 4, 2), "large": (1, 4, 4)}
    planner = Planner(fleet_spec(pools, device_budget=12, standby=standby))
    targets = {"small": 1, "moe": 0, "large": 1}
    for look, (waiting, running, usage, held) in enumerate(looks):
        now_s = START_S + 5.0 * look
        shown = {
            name: replace(
                signals([report(n, now_s, waiting, running, usage) for n in range(targets[name])], now_s, held=held),
                pool=name,
            )
            for name in pools
        }
        decisions = planner.decide(shown, now_s)
        targets = {name: decision.desired for name, decision in decisions.items()}
        assert all(low <= targets[name] <= high for name, (low, high, *_) in pools.items())
        assert sum(targets[name] * (*shape, 1)[2] for name, shape in pools.items()) <= 12
