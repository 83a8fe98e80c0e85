"""What a planner remembers of a pool."""

from __future__ import annotations

import math

import pytest
from scaled_pools import ANSWER, PROMPT, START_S, report, signals

from autoscaling.memory import PoolMemory
from autoscaling.reading import read_pool
from autoscaling.speed import PROMPT_TOKEN_WORK

WORK = ANSWER + PROMPT_TOKEN_WORK * PROMPT
"""Of one request."""


def remembered(*phases):
    """A pool of one replica after phases: seconds, requests per second, waiting requests, share of late answers."""
    memory, now_s = PoolMemory(), START_S
    for seconds, rate, waiting, late_ratio in phases:
        for _ in range(0, seconds, 2):
            now_s += 2
            told = {"arrivals_per_s": rate, "answers_per_s": 5.0, "late_ratio": late_ratio}
            reading = read_pool(signals([report(now_s=now_s, waiting=waiting, running=10)], now_s, **told), now_s)
            memory.look(reading, now_s)
    return memory.lateness


def test_late_answers_count_against_the_work_that_was_offered():
    lateness = remembered((120, 4.0, 0, 0.0), (120, 8.0, 0, 0.3))
    assert 4 * WORK < lateness.healthy_work(6 * WORK, 0.01) < 8 * WORK


@pytest.mark.parametrize(("waiting", "blamed"), [(0, 4 * WORK), (10, 8 * WORK)])
def test_where_a_queue_stands_the_load_that_made_it_is_blamed(waiting, blamed):
    lateness = remembered((10, 8.0, waiting, 0.0), (40, 4.0, waiting, 0.5))
    assert lateness.healthy_work(6 * WORK, 0.01) == pytest.approx(blamed, rel=0.1)


def test_answers_after_a_silence_say_nothing():
    memory = PoolMemory()
    for now_s in (START_S, START_S + 100):
        told = {"arrivals_per_s": 8.0, "answers_per_s": 5.0, "late_ratio": 1.0}
        memory.look(read_pool(signals([report(now_s=now_s)], now_s, **told), now_s), now_s)
    assert memory.lateness.healthy_work(1.0, 0.01) == math.inf
