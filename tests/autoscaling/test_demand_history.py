"""Level, surges and trends of what arrives."""

from __future__ import annotations

import pytest
from scaled_pools import START_S, signals

from autoscaling.demand_history import Demand, DemandHistory, surge_ratio


def history(rates, tick_s=5.0, **more):
    seen = DemandHistory()
    for look, rate in enumerate(rates):
        seen.add(signals(arrivals_per_s=rate, **more).demand, START_S + look * tick_s)
    return seen


def test_the_level_is_a_mean_over_the_window():
    assert history([9.0] * 50 + [2.0] * 6 + [4.0] * 6).level(60.0).requests_per_s == 3.0


@pytest.mark.parametrize("tick_s", [0.7, 2.0, 5.0, 9.0])
def test_the_interval_of_looks_does_not_matter(tick_s):
    assert history([3.0] * 200, tick_s).level(60.0).requests_per_s == pytest.approx(3.0)


def test_lengths_outlive_a_lull():
    seen = history([1.0] * 5, prompt_tokens=700.0, answer_tokens=70.0)
    for look in range(100):
        seen.add(signals(prompt_tokens=0.0, answer_tokens=0.0).demand, START_S + 25 + look * 5)
    assert seen.level(60.0) == Demand(0.0, 700.0, 70.0)


def test_a_silence_begins_anew():
    seen = history([50.0] * 20)
    seen.add(signals(arrivals_per_s=1.0).demand, START_S + 1_000)
    assert seen.level(60.0).requests_per_s == 1.0


def test_a_steady_load_has_no_surges_in_the_end():
    assert surge_ratio([5.0] * 20, 60.0, 60.0, 0.99) > 1.3
    assert surge_ratio([5.0] * 360, 60.0, 60.0, 0.99) == pytest.approx(1.0, abs=0.1)
    assert history([5.0] * 350).surge_per_s(60.0, 60.0, 0.99) == pytest.approx(5.0, rel=0.1)


def test_bursts_that_were_seen_are_expected():
    """A minute at four times the load, every ten minutes."""
    rates = [20.0 if at % 120 < 12 else 5.0 for at in range(360)]
    assert surge_ratio(rates, 60.0, 60.0, 0.99) > 3
    assert surge_ratio(rates, 60.0, 60.0, 0.75) < 1.5


def test_no_surge_is_expected_far_above_what_was_ever_seen():
    """After nearly nothing, a little is many times as much."""
    assert history([0.01] * 60 + [2.0] * 60 + [2.0] * 60).surge_per_s(60.0, 60.0, 0.99) < 3.0


def test_a_load_that_grew_in_steps_is_expected_above_its_peak():
    assert history([4.0] * 100 + [6.0] * 100 + [9.0] * 100).surge_per_s(60.0, 60.0, 0.99) > 1.2 * 9.0


def test_a_rise_is_seen_from_noise():
    assert history([1 + 0.01 * at for at in range(100)]).rise_per_s(180.0) == pytest.approx(0.01 / 5, rel=0.05)
    assert history([5.0] * 100).rise_per_s(180.0) == 0
    assert history([5.0 + 2 * (-1) ** (at // 7) for at in range(100)]).rise_per_s(180.0) == 0
    assert history([9 - 0.05 * at for at in range(100)]).rise_per_s(180.0) == 0
    assert history([1.0 + at for at in range(10)]).rise_per_s(180.0) == 0, "too short to tell"
