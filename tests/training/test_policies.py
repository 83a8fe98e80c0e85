from __future__ import annotations

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from training.policies import lambda_policies, mix_policies, threshold_policies

SCORES = st.lists(st.integers(-50, 50), min_size=1, max_size=40).map(lambda values: np.array(values, dtype=float))


def test_thresholds_cut_the_scores_into_ten_equal_parts():
    choices = threshold_policies(np.arange(101.0), 0, 2)
    assert (choices == 2).sum(axis=1).tolist() == [0, 1, 11, 21, 31, 41, 51, 61, 71, 81, 91, 101]
    assert choices[2].tolist() == [0] * 90 + [2] * 11


def test_equal_scores_go_together():
    assert np.unique(threshold_policies(np.full(5, 3.0), 0, 1), axis=0).tolist() == [[0] * 5, [1] * 5]


@given(SCORES)
def test_shares_rise_from_none_to_all(score):
    share = threshold_policies(score, 0, 1).mean(axis=1)
    assert share[0] == 0
    assert share[-1] == 1
    assert (np.diff(share) >= 0).all()


@given(SCORES, st.floats(0.1, 10), st.integers(-5, 5))
def test_only_the_order_of_scores_matters(score, scale, shift):
    # Quantiles that fall between two scores move with their distance, never past one of them.
    assert (threshold_policies(score, 0, 1) == threshold_policies(score * 4 + shift, 0, 1)).all()


def test_mixes_go_from_neighbour_to_neighbour():
    choices = mix_policies(np.arange(10.0), [0, 2])
    assert set(np.unique(choices)) == {0, 2}
    three = mix_policies(np.arange(10.0), [0, 1, 2])
    assert all(set(row) <= {0, 1} or set(row) <= {1, 2} for row in three.tolist())
    assert mix_policies(np.arange(3.0), [1]).tolist() == [[1, 1, 1]]


QUALITY = np.array([[0.2, 0.6, 0.9], [0.9, 0.9, 0.9], [0.1, 0.1, 0.8], [0.5, 0.6, 0.4]])
COST = np.array([[1.0, 3.0, 10.0]] * 4)


def test_lambda_goes_from_all_cheapest_to_the_best():
    choices = lambda_policies(QUALITY, COST)
    assert choices[0].tolist() == [0, 0, 0, 0]
    assert choices[-1].tolist() == [2, 0, 2, 1]


def test_at_every_lambda_between_quality_and_cost_both_rise():
    choices, rows = lambda_policies(QUALITY, COST), np.arange(4)
    assert (np.diff(QUALITY[rows, choices].mean(axis=1)) >= 0).all()
    assert (np.diff(COST[rows, choices].mean(axis=1)) >= 0).all()


def test_the_currency_does_not_matter():
    assert (lambda_policies(QUALITY, COST) == lambda_policies(QUALITY, COST * 1024)).all()


def test_where_no_tier_is_worth_its_price_only_the_cheapest_and_the_best_are_left():
    same = np.full((3, 2), 0.5)
    assert lambda_policies(same, np.array([[1.0, 3.0]] * 3)).tolist() == [[0] * 3, [0] * 3]
