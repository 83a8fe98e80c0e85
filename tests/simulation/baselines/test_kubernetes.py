from __future__ import annotations

import pytest

from simulation.baselines.kubernetes import Behavior, within_tolerance
from simulation.baselines.per_pool import Bounds


@pytest.mark.parametrize(
    ("ratio", "expected"), [(1, True), (1.1, True), (0.9, True), (1.11, False), (0.89, False), (0, False)]
)
def test_tolerance(ratio, expected):
    assert within_tolerance(ratio) is expected


@pytest.mark.parametrize(("current", "expected"), [(1, 5), (2, 6), (4, 8), (10, 20), (40, 80)])
def test_up_by_at_most_the_greater_of_all_and_four(current, expected):
    assert Behavior(Bounds(1, 1000), 300).settle(current, 1000, 0) == expected


def test_the_limit_counts_from_where_the_period_began():
    behavior = Behavior(Bounds(1, 1000), 300)
    # 10 -> 20 at once; 5 s later the period still began at 10; 15 s later it is over.
    assert [behavior.settle(*look) for look in ((10, 100, 0), (20, 100, 5), (20, 100, 15))] == [20, 20, 40]


def test_down_to_the_greatest_recommendation_of_the_window():
    behavior = Behavior(Bounds(1, 100), 300)
    recommendations = {0: 10, 60: 4, 120: 7, 180: 3, 240: 3, 300: 3, 361: 3, 421: 3, 481: 3}
    current, settled = 10, {}
    for now_s, recommended in recommendations.items():
        settled[now_s] = current = behavior.settle(current, recommended, now_s)
    # The 10 of the beginning counts to 300, the 7 of 120 to 420.
    assert settled == {0: 10, 60: 10, 120: 10, 180: 10, 240: 10, 300: 10, 361: 7, 421: 3, 481: 3}


def test_it_begins_with_what_it_finds():
    behavior = Behavior(Bounds(1, 100), 300)
    assert behavior.settle(10, 2, 0) == 10
    assert behavior.settle(10, 2, 300) == 10
    assert behavior.settle(10, 2, 301) == 2


def test_up_is_not_delayed_by_the_window():
    behavior = Behavior(Bounds(1, 100), 300)
    assert behavior.settle(10, 2, 0) == 10
    assert behavior.settle(10, 12, 15) == 12


def test_bounds_hold():
    assert Behavior(Bounds(1, 6), 300).settle(4, 50, 0) == 6
    assert Behavior(Bounds(3, 6), 0).settle(4, 0, 0) == 4
