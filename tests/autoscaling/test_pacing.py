"""A need becomes a move when it has stood for a while."""

from __future__ import annotations

import pytest

from autoscaling.pacing import Pacing


def targets(needs, start, up_s=3.0, down_s=60.0, tick_s=1.0):
    """What a pool has after each look, given what it needs."""
    pacing, target, seen = Pacing(), start, []
    for look, needed in enumerate(needs):
        target = pacing.pace(needed, target, look * tick_s, up_s, down_s)
        seen.append(target)
    return seen


@pytest.mark.parametrize(
    ("needs", "seen"),
    [
        ([4, 4, 4, 4, 4], [2, 2, 2, 4, 4]),  # stood for 3 seconds
        ([4, 4, 1, 4, 4, 4], [2, 2, 2, 2, 2, 2]),  # interrupted
        ([3, 5, 4, 6, 4], [2, 2, 2, 3, 4]),  # as much as was always needed
    ],
)
def test_up(needs, seen):
    assert targets(needs, 2) == seen


def test_down_after_the_delay_and_one_at_a_time():
    seen = targets([1] * 120, 4)
    assert seen[:60] == [4] * 60
    assert seen[60] == 3
    assert [seen[at] for at in (74, 75, 89, 90)] == [3, 2, 2, 1]


def test_a_peak_within_the_delay_is_kept():
    assert targets(([1] * 30 + [3]) * 4, 3) == [3] * 124


def test_large_pools_shrink_by_a_tenth():
    assert targets([10] * 61, 100)[-1] == 90


def test_a_silence_proves_nothing():
    pacing = Pacing()
    pacing.pace(1, 4, 0.0, 3.0, 60.0)
    assert pacing.pace(1, 4, 100.0, 3.0, 60.0) == 4
    assert pacing.pace(9, 4, 200.0, 3.0, 60.0) == 4


def test_looks_further_apart_than_the_delay():
    assert targets([4, 4, 4], 2, tick_s=10.0) == [2, 4, 4]
