from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from training.metrics import apgr, cpt, ece, reliability


@pytest.mark.parametrize(
    ("share", "quality", "expected"),
    [
        ([0, 1], [0.5, 0.9], 0.5),
        ([0, 0.5, 1], [0.5, 0.9, 0.9], 0.75),
        ([0, 0.5, 1], [0.5, 0.5, 0.9], 0.25),
        ([0, 0.25, 1], [0.0, 1.0, 0.5], 1.375),  # better than strong alone: more than the gap
        ([0, 0.5, 1], [0.5, 0.7, 0.5], None),
        ([0, 1], [0.9, 0.5], None),
    ],
)
def test_apgr(share, quality, expected):
    got = apgr(np.array(share, dtype=float), np.array(quality))
    assert got == (None if expected is None else pytest.approx(expected))


@pytest.mark.parametrize(
    ("quality", "target", "expected"),
    [
        ([0.5, 0.7, 0.9], 0.5, 0.5),
        ([0.5, 0.7, 0.9], 0.25, 0.25),
        ([0.5, 0.9, 0.9], 0.8, 0.4),
        ([0.5, 0.9, 0.6], 0.8, 0.1),  # where it is first reached
        ([0.5, 0.3, 0.9], 0.5, 0.5 + 0.5 * 4 / 6),
        ([0.5, 0.7, 0.9], 0.0, 0.0),
        ([0.5, 0.7, 0.5], 0.5, None),
    ],
)
def test_cpt(quality, target, expected):
    got = cpt(np.array([0.0, 0.5, 1.0]), np.array(quality), target)
    assert got == (None if expected is None else pytest.approx(expected))


@pytest.mark.parametrize(
    ("predicted", "actual", "expected"),
    [
        ([0.5] * 4, [0, 1, 0, 1], 0.0),
        ([0.9] * 4, [0, 1, 0, 1], 0.4),
        ([0.0, 0.0, 1.0, 1.0], [0, 0, 1, 1], 0.0),
        ([0.0, 0.0, 1.0, 1.0], [1, 1, 0, 0], 1.0),
        ([0.2, 0.2, 0.8, 0.8], [0, 0, 1, 0], 0.25),
    ],
)
def test_ece(predicted, actual, expected):
    assert ece(np.array(predicted), np.array(actual, dtype=float)) == pytest.approx(expected)


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=60))
def test_every_row_is_in_one_bin_and_equal_predictions_share_it(rows):
    predicted, actual = np.array([row[0] for row in rows]), np.array([float(row[1]) for row in rows])
    said, was, count = reliability(predicted, actual)
    assert count.sum() == len(rows)
    assert len(said) <= min(15, len(set(predicted)))
    assert (said * count).sum() == pytest.approx(predicted.sum())
    assert (was * count).sum() == pytest.approx(actual.sum())


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1, max_size=60), st.randoms())
def test_the_order_of_rows_does_not_matter(rows, random):
    shuffled = random.sample(rows, len(rows))
    one, two = (ece(*map(np.array, zip(*part, strict=True))) for part in (rows, shuffled))
    assert one == pytest.approx(two)
