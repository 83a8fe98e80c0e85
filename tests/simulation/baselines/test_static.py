from __future__ import annotations

import pytest

from simulation.baselines.knowledge import Capacity, Knowledge, Load
from simulation.baselines.static import mean_size, peak_size, static_mean, static_peak, static_policy

CAPACITY = Capacity(1000, 100)


def demand(pool, start_s, end_s):
    """120 s at one answer token per second, with 450 of them between 60 and 90."""
    burst_s = max(0, min(90, end_s) - max(60, start_s))
    return Load(1, 0, (450 * burst_s + 1 * (end_s - start_s - burst_s)) / (end_s - start_s))


KNOWN = Knowledge({"small": CAPACITY}, demand, (0, 120))


@pytest.mark.parametrize(("window_s", "expected"), [(30, 4.5), (60, 2.255), (120, 1.1325)])
def test_peak_is_that_of_a_window(window_s, expected):
    assert peak_size(demand, "small", CAPACITY, (0, 120), window_s) == pytest.approx(expected)


def test_mean_is_that_of_the_span():
    assert mean_size(demand, "small", CAPACITY, (0, 120)) == pytest.approx(1.1325)


@pytest.mark.parametrize(
    ("policy", "parameters", "expected"),
    [
        (static_peak, {"window_s": 30}, 5),
        (static_peak, {"window_s": 30, "scale": 2}, 9),
        (static_mean, {}, 2),
        (static_mean, {"scale": 0.8}, 1),
        (static_peak, {"window_s": 30, "scale": 100}, 20),
    ],
)
def test_sizes_do_not_move(spec, seen, ask, policy, parameters, expected):
    made = policy(spec(), parameters, KNOWN)
    moments = [(0, seen(0, 1)), (60, seen(60, expected, [1.0] * 3, [50] * 3)), (90, seen(90, expected))]
    assert [ask(made, signals, now_s) for now_s, signals in moments] == [expected] * 3


def test_sizes_may_be_given(spec, seen, ask):
    assert ask(static_policy(spec(), {"small": 7}), seen(0, 1), 0) == 7


def test_it_must_know_the_trace(spec):
    with pytest.raises(ValueError, match=r"policy static-mean: knowledge\.demand"):
        static_mean(spec(), {})
