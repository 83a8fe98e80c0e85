from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.judge.frontier import aiq, gain_share, hull

POINTS = st.lists(st.tuples(st.integers(0, 20), st.integers(0, 10)), min_size=1, max_size=15)


@pytest.mark.parametrize(
    ("points", "kept"),
    [
        ([(1, 0.5)], [0]),
        ([(1, 0.5), (2, 0.9)], [0, 1]),
        ([(2, 0.9), (1, 0.5)], [1, 0]),
        ([(1, 0.5), (2, 0.6), (3, 0.9)], [0, 2]),
        ([(1, 0.5), (2, 0.8), (3, 0.9)], [0, 1, 2]),
        ([(1, 0.5), (2, 0.8), (3, 0.7)], [0, 1]),  # more money for less
        ([(1, 0.5), (1, 0.7)], [1]),
        ([(1, 0.5), (2, 0.7), (2, 0.9), (3, 0.9)], [0, 2]),
    ],
)
def test_hull(points, kept):
    cost, quality = np.array(points, dtype=float).T
    assert hull(cost, quality) == kept


@pytest.mark.parametrize(
    ("points", "low", "high", "expected"),
    [
        ([(1, 0.5), (3, 0.9)], 1, 3, 0.7),
        ([(1, 0.5)], 1, 3, 0.5),  # flat beyond the last point
        ([(1, 0.5), (2, 0.9)], 1, 3, 0.8),
        ([(0, 0.5), (4, 0.9)], 1, 3, 0.7),
    ],
)
def test_aiq(points, low, high, expected):
    cost, quality = np.array(points, dtype=float).T
    assert aiq(cost, quality, low, high) == pytest.approx(expected)


def test_gain_share_is_0_for_fixed_mixes_1_for_the_oracle_and_nothing_where_there_is_nothing_to_gain():
    assert gain_share(0.7, 0.7, 0.9) == 0
    assert gain_share(0.9, 0.7, 0.9) == 1
    assert gain_share(0.6, 0.7, 0.9) == pytest.approx(-0.5)
    assert gain_share(0.7, 0.7, 0.7) is None


@given(POINTS)
def test_no_point_lies_above_the_hull_and_slopes_fall(points):
    cost, quality = np.array(points, dtype=float).T
    kept = hull(cost, quality)
    height = np.interp(cost, cost[kept], quality[kept])
    assert (quality <= height + 1e-9).all() or cost.min() < cost[kept].min()
    slopes = np.diff(quality[kept]) / np.diff(cost[kept])
    assert (np.diff(slopes) < 1e-9).all()
    assert (slopes > 0).all()


@given(POINTS, st.tuples(st.integers(0, 20), st.integers(0, 10)))
def test_another_point_never_lowers_the_area(points, more):
    cheapest = (0, min(quality for _, quality in points))
    one, two = (np.array(part, dtype=float).T for part in ([cheapest, *points], [cheapest, *points, more]))
    assert aiq(*two, 0, 20) >= aiq(*one, 0, 20) - 1e-9
