from __future__ import annotations

import numpy as np
import pytest

from router.labels import normalised
from training.folds import named_folds, question_folds, some_labels

TEXTS = [f"What is {number} plus {number % 7}?" for number in range(200)]


@pytest.mark.parametrize(
    ("one", "two", "same"),
    [
        ("What is 2 + 2?", "what is  2 2", True),
        ("Straße\n", "STRASSE", True),
        ("What is 2 + 2?", "What is 2 + 3?", False),
        ("为什么？", "为什么", True),
    ],
)
def test_equal_questions(one, two, same):
    assert (normalised(one) == normalised(two)) == same


def test_every_row_is_tested_once_and_never_trained_on_with_it():
    folds = question_folds(TEXTS, 5)
    assert len(folds) == 5
    assert sorted(np.concatenate([fold.test for fold in folds])) == list(range(200))
    assert all(len(fold.train) + len(fold.test) == 200 for fold in folds)
    assert min(len(fold.test) for fold in folds) >= 20


def test_equal_questions_share_a_fold_wherever_they_are():
    twice = TEXTS + [text.upper() + " " for text in TEXTS]
    for fold in question_folds(twice, 5):
        assert {row % 200 for row in fold.test.tolist()}.isdisjoint({row % 200 for row in fold.train.tolist()})


def test_a_questions_fold_does_not_depend_on_the_others():
    alone, among = question_folds(TEXTS[:100], 5), question_folds(TEXTS, 5)
    assert [fold.test.tolist() for fold in alone] == [[row for row in fold.test if row < 100] for fold in among]


def test_leaving_a_name_out_leaves_out_its_questions_elsewhere_too():
    names = ["a", "a", "b", "b", "c"]
    texts = ["one", "two", "Two!", "three", "four"]
    folds = named_folds(names, texts)
    assert [fold.test.tolist() for fold in folds] == [[0, 1], [2, 3], [4]]
    assert [fold.train.tolist() for fold in folds] == [[3, 4], [0, 4], [0, 1, 2, 3]]


@pytest.mark.parametrize(("count", "expected"), [(None, 50), (80, 50), (20, 20), (0, 0)])
def test_some_labels(count, expected):
    rows = np.arange(100, 150)
    drawn = some_labels(rows, count, seed=1)
    assert len(drawn) == expected
    assert set(drawn) <= set(rows)
    assert (np.diff(drawn) > 0).all()
