"""The planner in a closed loop with a fluid pool, and what it may never do whatever it is shown."""

from __future__ import annotations

import math
from dataclasses import replace
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scaled_pools import START_S, FluidPool, changed, fleet_spec, report, signals

from autoscaling.planner import Planner
from autoscaling.types import PoolSignals

BEGINS = {
    "demand": "demand: ",
    "surge": "surge: ",
    "forecast": "forecast: ",
    "late": "late: ",
    "queue": "queue: ",
    "kv": "KV: ",
    "ongoing": "ongoing: ",
    "awake": "awake: ",
    "idle": "idle: ",
    "held": "held: ",
}
"""How the reasons begin that a signal gives."""


def tells(decision):
    """Whether a decision's signal and its reason say the same."""
    if decision.signal == "budget":
        return "; gets " in decision.reason or "; yields to " in decision.reason
    return decision.reason.startswith(BEGINS[decision.signal])


def closed_loop(planner, pool, load, minutes, tick_s=2.0):
    """Targets and reasons over time, the planner acting on the pool. `load` is requests per second, or of seconds."""
    seen = []
    began_s = pool.now_s
    while pool.now_s < began_s + 60 * minutes:
        arrivals = load(pool.now_s - began_s) if callable(load) else load
        decision = planner.decide({"small": pool.run(arrivals, tick_s)}, pool.now_s)["small"]
        pool.scale(decision.desired)
        seen.append((decision.desired, decision.reason))
    return seen


@settings(max_examples=6, deadline=None)
@given(
    load=st.floats(0.5, 60),
    start=st.integers(1, 12),
    cold_start_s=st.sampled_from([10.0, 60.0, 180.0]),
    tick_s=st.sampled_from([2.0, 5.0]),
)
def test_constant_load_settles_and_is_served(load, start, cold_start_s, tick_s):
    pool = FluidPool(target=start, cold_start_s=cold_start_s)
    planner = Planner(fleet_spec({"small": (1, 40)}))
    closed_loop(planner, pool, load, 25, tick_s)
    settled = [desired for desired, _ in closed_loop(planner, pool, load, 15, tick_s)]
    moves = [b - a for a, b in pairwise(settled) if a != b]
    assert all(move < 0 for move in moves) or all(move > 0 for move in moves)
    assert len(moves) <= 1
    assert pool.tpot_s <= 0.1
    # A replica does 1 / slope = 2000 tokens a second at most: nothing like one for each request is kept.
    assert settled[-1] <= 2 + 2 * load * 200 / 2000


def test_a_step_is_answered_and_taken_back():
    pool, planner = FluidPool(target=1), Planner(fleet_spec({"small": (1, 40)}))
    closed_loop(planner, pool, 2.0, 10)
    assert pool.target == 1
    up = closed_loop(planner, pool, 20.0, 15)
    assert pool.target >= 3
    assert pool.tpot_s <= 0.1
    assert any("requests/s" in reason for _, reason in up)
    down = [desired for desired, _ in closed_loop(planner, pool, 2.0, 60)]
    assert down[-1] == 1
    assert all(b >= a - max(1, a // 10) for a, b in pairwise(down))


def test_a_pool_scales_to_zero_and_wakes_on_a_held_request():
    pool, planner = FluidPool(target=1), Planner(fleet_spec({"small": (0, 4)}, idle_s=120.0))
    closed_loop(planner, pool, 1.0, 5)
    pool.ongoing = 0.0
    idle = closed_loop(planner, pool, 0.0, 5)
    assert idle[-1][0] == 0
    assert any(reason.startswith("idle") for _, reason in idle)
    assert {desired for desired, _ in idle[: int(100 / 2)]} == {1}, "not before it was idle for long enough"
    woken = planner.decide({"small": changed(pool.run(0.0, 2.0), held=1)}, pool.now_s)["small"]
    assert woken.desired == 1


def test_a_fresh_planner_lets_a_pool_sleep_until_a_request_comes():
    """As after a restart of whatever asks it."""
    planner = Planner(fleet_spec({"small": (0, 4)}))
    for second in range(0, 10, 2):
        now_s = START_S + second
        asleep = planner.decide({"small": signals([], now_s, 0, prompt_tokens=0, answer_tokens=0)}, now_s)["small"]
        assert (asleep.desired, asleep.reason[:5]) == (0, "idle:")
    for waker in ({"held": 1}, {"arrivals_per_s": 0.03}):
        assert planner.decide({"small": signals([], now_s, 0, **waker)}, now_s)["small"].desired == 1


def test_a_start_that_takes_longer_than_idle_pools_stay_up_is_not_broken_off():
    planner = Planner(fleet_spec({"small": (0, 4)}, idle_s=30.0))
    planner.decide({"small": signals([], START_S, 0, arrivals_per_s=0.03, cold_start_s=10.0)}, START_S)
    for second in range(2, 400, 2):
        now_s = START_S + second
        ready = [report(now_s=now_s)] if second >= 300 else []
        decision = planner.decide({"small": signals(ready, now_s, 1, cold_start_s=10.0)}, now_s)["small"]
        assert decision.desired == (1 if second <= 298 + 30 else 0), second


def test_starting_replicas_are_counted():
    """While they start, the same trouble asks for no more of them."""
    pool, planner = FluidPool(target=1, cold_start_s=180.0), Planner(fleet_spec({"small": (1, 40)}))
    closed_loop(planner, pool, 2.0, 12)
    targets = [desired for desired, _ in closed_loop(planner, pool, 12.0, 12)]
    assert max(targets) <= 6


def test_kv_pressure_alone_adds_a_replica_and_says_so():
    planner = Planner(fleet_spec({"small": (1, 4)}))
    decisions = []
    for second in range(0, 10, 2):
        now_s = START_S + second
        full = report(now_s=now_s, running=8, usage=0.97, generated_tokens_total=second * 100)
        decisions.append(planner.decide({"small": signals([full], now_s, arrivals_per_s=0.05)}, now_s)["small"])
    assert decisions[0].desired == 1, "one look is no reason to move"
    assert decisions[-1].desired == 2
    assert decisions[-1].signal == "kv"
    assert tells(decisions[-1])


def test_preemptions_add_a_replica():
    planner = Planner(fleet_spec({"small": (1, 4)}))
    for second in range(0, 8, 2):
        now_s = START_S + second
        thrown = report(
            now_s=now_s, running=8, usage=0.5, generated_tokens_total=second * 100, preemptions_total=second
        )
        decision = planner.decide({"small": signals([thrown], now_s, arrivals_per_s=0.05)}, now_s)["small"]
    assert decision.desired == 2
    assert "preempted" in decision.reason


def test_a_pool_without_requests_gives_its_device_to_one_that_needs_it():
    planner = Planner(fleet_spec({"small": (0, 2), "moe": (1, 4)}, device_budget=2))
    for second in range(0, 12, 2):
        now_s = START_S + second
        moe = [report(0, now_s, 40, 16, 0.99, generated_tokens_total=second * 100)]
        seen = {"small": signals([report(0, now_s)], now_s), "moe": signals(moe, now_s, arrivals_per_s=9.0)}
        decisions = planner.decide({name: replace(pool, pool=name) for name, pool in seen.items()}, now_s)
    assert {name: decision.desired for name, decision in decisions.items()} == {"small": 0, "moe": 2}
    assert "yields to moe" in decisions["small"].reason
    assert decisions["small"].signal == "budget"


def test_late_answers_add_replicas_where_the_arithmetic_sees_no_trouble():
    planner, pool = Planner(fleet_spec({"small": (1, 40)}, attainment_target=0.95)), FluidPool(target=3)
    decisions = []
    for _ in range(300):
        seen = pool.run(20.0, 2.0)
        told = {"answers_per_s": 20.0, "late_ratio": 0.0 if pool.ready > 4 else 0.2}
        decisions.append(planner.decide({"small": changed(seen, **told)}, pool.now_s)["small"])
        pool.scale(decisions[-1].desired)
    assert pool.ready > 4
    assert "late" in {decision.signal for decision in decisions}, decisions[-1]
    assert all(map(tells, decisions))


# -- whatever it is shown --------------------------------------------------------------------------------------

GARBAGE = st.sampled_from([math.nan, math.inf, -math.inf, -1, -0.5, 10**400, None, "7", START_S + 3_600])
STALE = st.sampled_from([0.0, START_S - 60, START_S + 60, math.nan, -1.0])
BAD_SIGNALS = st.one_of(
    st.tuples(
        st.sampled_from(
            [
                "arrivals_per_s",
                "prompt_tokens",
                "answer_tokens",
                "answers_per_s",
                "late_ratio",
                "taken_per_s",
                "cold_start_s",
                "held",
            ]
        ),
        GARBAGE,
    )
    .filter(lambda each: not isinstance(each[1], float) or not 0 <= each[1] < math.inf)
    .map(lambda each: {each[0]: each[1]}),
    STALE.map(lambda at_s: {"demand_as_of_s": at_s}),
)
BAD_REPORTS = st.one_of(
    st.tuples(
        st.sampled_from(["waiting", "running", "kv_usage_ratio", "preemptions_total", "generated_tokens_total"]),
        st.sampled_from([math.nan, math.inf, -1, -0.5, None, "7"]),
    ).map(lambda each: {each[0]: each[1]}),
    STALE.map(lambda at_s: {"as_of_s": at_s}),
    st.just({"kv_usage_ratio": 17.0}),
)


def busy_pool(planner, minutes=6):
    pool = FluidPool(target=3)
    closed_loop(planner, pool, 8.0, minutes)
    return pool


@settings(max_examples=25, deadline=None)
@given(bad=BAD_SIGNALS, target=st.integers(1, 40), fresh=st.booleans())
def test_garbage_from_the_gateway_holds(bad, target, fresh):
    planner = Planner(fleet_spec({"small": (1, 40)}))
    now_s = START_S if fresh else busy_pool(planner, 2).now_s
    shifted = {key: v - START_S + now_s if key == "demand_as_of_s" and v else v for key, v in bad.items()}
    good = signals([report(n, now_s, 500, 256, 0.99) for n in range(3)], now_s, target, arrivals_per_s=500.0)
    for _ in range(4):
        decision = planner.decide({"small": changed(good, **shifted)}, now_s)["small"]
        assert (decision.desired, decision.signal) == (target, "held")
        assert tells(decision)


@settings(max_examples=25, deadline=None)
@given(bad=BAD_REPORTS, target=st.integers(1, 40))
def test_garbage_from_a_replica_holds(bad, target):
    planner = Planner(fleet_spec({"small": (1, 40)}))
    replicas = [report(n, START_S, 500, 256, 0.99) for n in range(2)]
    shown = signals([*replicas, replace(replicas[0], replica_id="bad", **bad)], START_S, target, arrivals_per_s=500.0)
    decision = planner.decide({"small": shown}, START_S)["small"]
    assert decision.desired == target
    assert "bad" in decision.reason


@pytest.mark.parametrize("now_s", [math.nan, math.inf, -math.inf])
def test_a_clock_that_says_nothing_holds(now_s):
    planner = Planner(fleet_spec({"small": (1, 40)}))
    pool = busy_pool(planner)
    assert planner.decide({"small": pool.shown(500.0)}, now_s)["small"].desired == pool.target


def test_a_target_that_is_no_number_stays_within_bounds():
    planner = Planner(fleet_spec({"small": (2, 5)}))
    for target in (math.nan, -3, 10**400, 99):
        shown = signals([report()], target=target)
        assert 2 <= planner.decide({"small": shown}, START_S)["small"].desired <= 5


def test_a_few_silent_replicas_of_many_do_not_stop_growth_but_shrinking():
    planner = Planner(fleet_spec({"small": (1, 100)}))
    for second in range(0, 8, 2):
        now_s = START_S + second
        replicas = [report(n, now_s, 300, 256, 0.99) for n in range(19)] + [report(19, START_S - 60)]
        grown = planner.decide({"small": signals(replicas, now_s)}, now_s)["small"]
    assert grown.desired > 20
    calm = [report(n, now_s) for n in range(19)] + [report(19, START_S - 60)]
    assert "silent" in planner.decide({"small": signals(calm, now_s)}, now_s)["small"].reason


def test_a_fresh_planner_does_not_move_on_absence_of_data():
    planner = Planner(fleet_spec({"small": (0, 9)}))
    for second in range(0, 100, 2):
        now_s = START_S + second
        nothing = PoolSignals("small", 5)
        assert planner.decide({"small": nothing}, now_s)["small"].desired == 5
        empty = signals([report(n, now_s) for n in range(5)], now_s, prompt_tokens=0, answer_tokens=0)
        assert planner.decide({"small": empty}, now_s)["small"].desired == 5


def test_a_pool_that_the_spec_does_not_know_is_held():
    decision = Planner(fleet_spec({"small": (1, 9)})).decide({"other": PoolSignals("other", 4)}, START_S)["other"]
    assert (decision.desired, decision.reason, decision.signal) == (4, "held: the spec has no such pool", "held")


REPLICA_LISTS = st.lists(
    st.builds(
        report,
        number=st.integers(0, 50),
        now_s=st.just(START_S),
        waiting=st.integers(0, 1_000),
        running=st.integers(0, 256),
        usage=st.floats(0, 1),
        preemptions_total=st.integers(0, 5),
    ),
    max_size=6,
    unique_by=lambda each: each.replica_id,
)
SHOWN = st.builds(
    signals,
    REPLICA_LISTS,
    target=st.integers(0, 8),
    arrivals_per_s=st.floats(0, 1_000),
    prompt_tokens=st.floats(0, 1e5),
    answer_tokens=st.floats(0, 1e5),
    held=st.integers(0, 1_000),
    cold_start_s=st.floats(0, 1_000),
)


@settings(max_examples=40, deadline=None)
@given(shown=st.lists(st.tuples(SHOWN, SHOWN, SHOWN), min_size=1, max_size=5), gap_s=st.floats(0.5, 200))
def test_bounds_and_budget_hold(shown, gap_s):
    pools = {"small": (1, 8, 1), "moe": (0, 4, 2), "large": (1, 4, 4)}
    planner = Planner(fleet_spec(pools, device_budget=16))
    targets = {"small": 1, "moe": 0, "large": 1}
    for look, group in enumerate(shown):
        now_s = START_S + look * gap_s
        fresh = {}
        for name, each in zip(pools, group, strict=True):
            reports = tuple(replace(r, as_of_s=now_s, generated_tokens_total=look * 999) for r in each.replicas)
            fresh[name] = replace(each, pool=name, target=targets[name], replicas=reports, demand_as_of_s=now_s)
        decisions = planner.decide(fresh, now_s)
        targets = {name: decision.desired for name, decision in decisions.items()}
        assert all(low <= targets[name] <= high for name, (low, high, _) in pools.items())
        assert sum(targets[name] * devices for name, (_, _, devices) in pools.items()) <= 16
        assert all(map(tells, decisions.values())), decisions


@settings(max_examples=25, deadline=None)
@given(
    load=st.floats(0.1, 30),
    more=st.fixed_dictionaries(
        {
            "arrivals_per_s": st.floats(0, 100),
            "held": st.integers(0, 500),
            "waiting": st.integers(0, 500),
            "usage": st.floats(0, 1),
        }
    ),
)
def test_more_load_never_means_fewer_replicas(load, more):
    """Two planners with the same past: the one that is shown more of everything decides for at least as many."""

    def decided(shown_of):
        planner, pool = Planner(fleet_spec({"small": (1, 40)})), FluidPool(target=2)
        closed_loop(planner, pool, load, 3)
        for _ in range(4):
            shown = shown_of(pool.run(load, 2.0))
            decision = planner.decide({"small": shown}, pool.now_s)["small"].desired
        return decision

    def heavier(shown):
        replicas = tuple(
            replace(r, waiting=r.waiting + more["waiting"], kv_usage_ratio=max(r.kv_usage_ratio, more["usage"]))
            for r in shown.replicas
        )
        arrivals, held = shown.demand.arrivals_per_s + more["arrivals_per_s"], shown.demand.held + more["held"]
        return changed(shown, arrivals_per_s=arrivals, held=held, replicas=replicas)

    assert decided(lambda shown: shown) <= decided(heavier)


def test_the_same_signals_give_the_same_decisions():
    runs = [closed_loop(Planner(fleet_spec({"small": (1, 40)})), FluidPool(), 15.0, 5) for _ in range(2)]
    assert runs[0] == runs[1]


def test_a_clock_that_is_set_back_starts_anew():
    planner = Planner(fleet_spec({"small": (1, 40)}))
    pool = busy_pool(planner)
    pool.now_s -= 3_600
    decision = planner.decide({"small": pool.run(8.0, 2.0)}, pool.now_s)["small"]
    assert decision.desired == pool.target
