from __future__ import annotations

import numpy as np
import pytest

from training.judge.baselines import length_score, prior_score, random_scores


def test_length_is_in_characters():
    assert length_score(["", "abc", "größer"]).tolist() == [0, 3, 6]


def test_draws_differ_and_come_again_with_their_seed():
    one, two = random_scores(50, seed=3, draws=2)
    assert (one != two).any()
    assert (random_scores(50, seed=3, draws=2)[1] == two).all()


@pytest.mark.parametrize(
    ("groups", "expected"),
    [(["law", "maths"], [-0.25, 0.25]), (["law", "unseen"], [-0.25, 0.0]), ([], [])],
)
def test_the_prior_is_the_groups_gain_over_the_mean(groups, expected):
    gain = np.array([0.0, 0.0, 1.0, 0.0])
    assert prior_score(groups, ["law", "law", "maths", "maths"], gain).tolist() == expected


def test_without_training_nothing_is_known():
    assert prior_score(["law"], [], np.array([])).tolist() == [0]
