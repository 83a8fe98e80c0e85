"""What a planner learns of a pool."""

from __future__ import annotations

import math

import pytest
from scaled_pools import ANSWER, PROMPT, START_S, report, signals

from autoscaling.history import BEGINNING_S, PoolHistory
from autoscaling.lateness import lateness_mix
from autoscaling.validation import validated

WORK = ANSWER * lateness_mix(PROMPT, ANSWER)
"""Of one request."""


def remembered(*phases):
    """A pool of one replica after phases: seconds, requests per second, excess, share of late answers."""
    history, now_s = PoolHistory(), START_S
    for seconds, rate, excess, late_ratio in phases:
        for _ in range(0, seconds, 2):
            now_s += 2
            told = {"arrivals_per_s": rate, "answers_per_s": 5.0, "late_ratio": late_ratio}
            valid = validated(signals([report(now_s=now_s)], now_s, **told), now_s)
            history.learn_lateness(valid, now_s, excess=excess)
    return history.lateness


def test_late_answers_count_against_the_work_that_was_offered():
    lateness = remembered((120, 4.0, False, 0.0), (120, 8.0, False, 0.3))
    assert 4 * WORK < lateness.healthy_work(6 * WORK, 0.01) < 8 * WORK


def test_what_a_pool_takes_for_others_is_work_and_its_own_demand_that_they_take_is_none():
    history, now_s = PoolHistory(), START_S
    for taken, late_ratio in ((4.0, 0.0), (8.0, 0.3)):
        for _ in range(60):
            now_s += 2
            told = {"arrivals_per_s": 1.0, "taken_per_s": taken, "answers_per_s": 5.0, "late_ratio": late_ratio}
            history.learn_lateness(validated(signals([report(now_s=now_s)], now_s, **told), now_s), now_s, excess=False)
    assert 4 * WORK < history.lateness.healthy_work(6 * WORK, 0.01) < 8 * WORK


@pytest.mark.parametrize(("excess", "blamed"), [(False, 5 * WORK), (True, 8 * WORK)])
def test_while_there_is_too_much_the_load_that_brought_it_is_blamed(excess, blamed):
    lateness = remembered((40, 8.0, excess, 0.0), (90, 5.0, excess, 0.5))
    assert lateness.healthy_work(6 * WORK, 0.01) == pytest.approx(blamed, rel=0.1)


LONG_S = round(BEGINNING_S) + 60


def test_while_work_changes_late_answers_count_against_the_most():
    lateness = remembered((LONG_S, 2.0, False, 0.0), (30, 8.0, False, 0.5))
    assert lateness.healthy_work(4 * WORK, 0.01) == pytest.approx(8 * WORK, rel=0.1)


def test_while_work_changes_answers_in_time_tell_nothing():
    lateness = remembered((LONG_S, 2.0, False, 0.0), (20, 8.0, False, 0.0), (10, 8.0, False, 1.0))
    assert lateness.healthy_work(4 * WORK, 0.4) == pytest.approx(8 * WORK, rel=0.1)


def test_late_answers_of_the_beginning_tell_nothing():
    lateness = remembered((60, 2.0, False, 0.0), (30, 8.0, False, 0.5))
    assert lateness.healthy_work(4 * WORK, 0.01) == math.inf


def test_answers_after_a_silence_say_nothing():
    history = PoolHistory()
    for now_s in (START_S, START_S + 100):
        told = {"arrivals_per_s": 8.0, "answers_per_s": 5.0, "late_ratio": 1.0}
        history.learn_lateness(validated(signals([report(now_s=now_s)], now_s, **told), now_s), now_s, excess=False)
    assert history.lateness.healthy_work(1.0, 0.01) == math.inf
