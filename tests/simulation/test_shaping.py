"""Loads made of one trace keep its shape, and are the same for the same seed."""

from __future__ import annotations

import numpy as np
import pytest

from simulation.shaping import scale, window, with_bursts, with_lead_in
from simulation.workload import Workload


def ramp(requests: int = 4_000, duration_s: float = 2_000.0, hashes: bool = False) -> Workload:
    """Three times as many requests in the second half as in the first."""
    first = np.linspace(0, duration_s / 2, requests // 4, endpoint=False)
    second = np.linspace(duration_s / 2, duration_s, requests - requests // 4, endpoint=False)
    numbers = np.arange(1, requests + 1)
    ids = [(0, number) for number in range(requests)] if hashes else None
    return Workload(np.concatenate([first, second]), numbers, numbers, ids, duration_s)


def test_a_window_becomes_what_is_measured():
    part = window(ramp(), 500.0, 1_000.0)
    assert part.duration_s == 1_000.0
    assert len(part) == 500 + 1_500
    assert part.arrival_s[0] == pytest.approx(0.0)
    assert part.prompt_tokens[0] == 501
    assert window(ramp(), 1_500.0, 9_000.0).duration_s == 500.0
    assert window(ramp(), 1_500.0, None).duration_s == 500.0
    assert len(window(ramp(), 5_000.0, None)) == 0


@pytest.mark.parametrize("factor", [0.25, 1, 2.5, 10])
def test_scaling_multiplies_the_load_and_keeps_its_shape(factor):
    made = scale(ramp(), factor, seed=1)
    assert len(made) == pytest.approx(4_000 * factor, rel=0.05)
    assert (np.diff(made.arrival_s) >= 0).all()
    assert made.arrival_s[0] >= 0
    assert made.arrival_s[-1] < made.duration_s == 2_000.0
    assert (made.arrival_s < 1_000).mean() == pytest.approx(0.25, abs=0.03)
    assert made.arrival_s.tolist() == scale(ramp(), factor, seed=1).arrival_s.tolist()


def test_a_factor_of_one_changes_nothing_and_seeds_differ():
    assert scale(ramp(), 1, seed=3).arrival_s.tolist() == ramp().arrival_s.tolist()
    assert scale(ramp(), 2, seed=3).arrival_s.tolist() != scale(ramp(), 2, seed=4).arrival_s.tolist()


def test_copies_share_no_prefixes_but_each_keeps_its_own():
    made = scale(ramp(40, hashes=True), 3, seed=0)
    assert made.hashes is not None
    firsts = [ids[0] for ids in made.hashes]
    assert sorted(firsts.count(first) for first in set(firsts)) == [40, 40, 40]
    assert len(set(made.hashes)) == 120


def test_bursts_are_four_times_the_load_for_a_minute_in_ten():
    base = Workload(np.arange(0, 3_600, 0.1), *np.ones((2, 36_000), dtype=np.int64), None, 3_600.0)
    made = with_bursts(base, seed=5)
    per_s = np.histogram(made.arrival_s, bins=np.arange(0, 3_601))[0]
    high = per_s > 20
    assert 5 * 60 <= high.sum() <= 6 * 60 + 6
    assert per_s[high].mean() == pytest.approx(40, rel=0.05)
    assert len(made) - len(base) == pytest.approx(6 * 60 * 30, rel=0.01)
    assert (
        np.flatnonzero(high)[0]
        != np.flatnonzero(np.histogram(with_bursts(base, seed=6).arrival_s, bins=np.arange(0, 3_601))[0] > 20)[0]
    )


def test_the_lead_in_mirrors_the_beginning_and_rises():
    made = with_lead_in(ramp(), 500.0, seed=0)
    assert (made.arrival_s >= 0).sum() == 4_000
    before = -made.arrival_s[made.arrival_s < 0]
    assert (before <= 250).sum() == pytest.approx(250, abs=2)
    assert 0 < (before > 375).sum() < (before > 250).sum() / 2
    assert made.duration_s == 2_000.0
