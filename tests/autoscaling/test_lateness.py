"""Lateness: what is late, and how much work was too much."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from autoscaling.lateness import FADE_S, QUIET, LatenessTable, is_late, missed
from cluster.scaling import ScalingSpec

TARGETS = ScalingSpec(ttft_target_s=2.0, tpot_target_s=0.1)
POSSIBLE = 1_000.0


@pytest.mark.parametrize(
    ("first_s", "whole_s", "answer_tokens", "misses"),
    [
        (1.9, 2.9, 11, ()),
        (2.1, 2.2, 11, ("ttft",)),
        (0.5, 1.6, 11, ("tpot",)),
        (2.1, 3.2, 11, ("ttft", "tpot")),
        (0.5, 0.5, 1, ()),
        (None, 2.9, 11, ()),  # as a whole
        (None, 3.1, 11, ("ttft", "tpot")),
    ],
)
def test_late(first_s, whole_s, answer_tokens, misses):
    assert missed(TARGETS, first_s, whole_s, answer_tokens) == misses
    assert is_late(TARGETS, first_s, whole_s, answer_tokens) is bool(misses)


def table(*rows):
    """From work per second, answers and the share of them that was late."""
    made = LatenessTable()
    for row in rows:
        made.add(*row)
    return made


def test_without_lateness_all_work_is_healthy():
    assert LatenessTable().healthy_work(POSSIBLE, 0.01) == math.inf
    assert table((800, 500, 0.0), (1_200, 500, 0.005)).healthy_work(POSSIBLE, 0.01) == math.inf


def test_work_is_healthy_up_to_where_too_many_answers_were_late():
    seen = table((600, 500, 0.001), (700, 500, 0.002), (850, 500, 0.04), (1_000, 500, 0.2))
    assert 740 < seen.healthy_work(POSSIBLE, 0.01) <= 850
    assert 850 < seen.healthy_work(POSSIBLE, 0.1) <= 1_000


def test_a_few_late_answers_prove_nothing():
    assert table((800, 2, 0.5)).healthy_work(POSSIBLE, 0.05) == math.inf


def test_a_lucky_hour_at_more_work_speaks_for_less_work():
    assert table((800, 200, 0.02), (900, 900, 0.0)).healthy_work(POSSIBLE, 0.01) == math.inf


def test_lateness_of_quiet_times_is_not_for_want_of_replicas():
    seen = table((300, 500, 0.3), (800, 500, 0.3), (1_000, 500, 0.6))
    assert 850 < seen.healthy_work(POSSIBLE, 0.01) <= 1_000


def test_a_limit_that_is_not_tried_fades():
    seen = table((800, 1_000, 0.5))
    seen.fade(FADE_S)
    assert seen.healthy_work(POSSIBLE, 0.01) < math.inf
    seen.fade(10 * FADE_S)
    assert seen.healthy_work(POSSIBLE, 0.01) == math.inf


def test_what_was_many_answers_ago_fades():
    seen = table((800, 1_000, 0.5))
    for _ in range(100):
        seen.add(800, 100, 0.0)
    assert seen.healthy_work(POSSIBLE, 0.01) == math.inf


AMOUNTS = st.tuples(st.floats(0, 1e6), st.floats(0, 1e6), st.floats(0, 1))


@given(st.lists(AMOUNTS), st.floats(1, 1e6), st.floats(0.001, 0.5), st.floats(1, 3))
def test_a_good_part_of_what_is_possible_is_healthy_and_patience_allows_more(rows, possible, share, patience):
    seen = table(*rows)
    healthy = seen.healthy_work(possible, share)
    assert healthy >= QUIET * possible / 2 ** (1 / 12) * (1 - 1e-9)  # a bin's width below
    assert seen.healthy_work(possible, min(1.0, share * patience)) >= healthy
