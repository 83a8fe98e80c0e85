"""Ranking, resampling, and accuracy at a cost."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.look.measure import Play, aucs, bootstrap, interval, quality_at_cost

GOOD = np.array([1.0, 1.0, 0.0, 0.0])


def once(answers):
    return np.ones((1, answers))


@pytest.mark.parametrize(
    ("scores", "expected"),
    [([0.9, 0.8, 0.2, 0.1], 1.0), ([0.1, 0.2, 0.8, 0.9], 0.0), ([0.5] * 4, 0.5), ([0.9, 0.3, 0.3, 0.1], 0.875)],
)
def test_auc_counts_pairs_of_a_good_and_a_bad_answer(scores, expected):
    assert aucs(np.array([scores]), GOOD, once(4)) == pytest.approx([expected])


def test_auc_of_several_heads_is_their_mean():
    assert aucs(np.array([[4.0, 3, 2, 1], [1.0, 2, 3, 4]]), GOOD, once(4)) == pytest.approx([0.5])


def test_weights_stand_for_repeated_answers():
    scores, good = np.array([0.9, 0.3, 0.4, 0.1]), GOOD
    weights = np.array([[1.0, 2, 3, 0]])
    repeated = [0, 1, 1, 2, 2, 2]
    plain = aucs(scores[repeated][None, :], good[repeated], once(6))
    assert aucs(scores[None, :], good, weights) == pytest.approx(plain)


def test_resamples_keep_the_number_of_answers_and_repeat_with_a_seed():
    weights = bootstrap(50, 20)
    assert weights.shape == (21, 50)
    assert (weights[0] == 1).all()
    assert (weights.sum(axis=1) == 50).all()
    assert (weights == bootstrap(50, 20)).all()
    assert (weights != bootstrap(50, 20, seed=1)).any()


def test_the_interval_is_of_the_resamples_and_the_mean_is_not():
    found = interval(np.array([7.0, *np.linspace(0, 1, 1001)]))
    assert (found.mean, found.low, found.high) == pytest.approx((7.0, 0.025, 0.975))


PLAY = Play(
    confidence=np.array([0.2, 0.9, 0.1, 0.8]),
    kept=np.array([0.0, 1.0, 0.0, 1.0]),
    escalated=np.ones(4),
    kept_cost=np.ones(4),
    escalated_cost=np.full(4, 5.0),
)


@pytest.mark.parametrize(
    ("budget", "quality"), [(0.5, 0.5), (1.0, 0.5), (2.0, 0.75), (2.9, 0.75), (3.0, 1.0), (9, 1.0)]
)
def test_a_budget_escalates_the_least_confident_answers(budget, quality):
    assert quality_at_cost(PLAY, np.array([budget]), once(4)) == pytest.approx([quality])


def test_each_resample_has_its_own_budget_and_answers():
    weights = np.array([[1.0, 1, 1, 1], [0.0, 0, 4, 0]])
    assert quality_at_cost(PLAY, np.array([1.0, 5.0]), weights) == pytest.approx([0.5, 1.0])
