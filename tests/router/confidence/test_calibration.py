"""Calibration of confidence by labels."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.confidence.calibration import LEAST_LABELS, MOST_STEPS, Graded, curves


def graded(count, chance, pool="small", seed=0):
    """Answers whose grade follows `chance(confidence)`."""
    rng = np.random.default_rng(seed)
    confidences = rng.random(count)
    return [Graded(pool, float(c), float(rng.random() < chance(c))) for c in confidences]


def test_an_over_confident_pool_is_corrected_and_the_others_are_left():
    found = curves([*graded(2_000, lambda c: c / 2), *graded(LEAST_LABELS - 1, lambda c: 1.0, pool="moe")])
    assert list(found) == ["small"]
    assert found["small"].labels == 2_000
    for confidence in (0.2, 0.5, 0.8):
        assert found["small"].at(confidence) == pytest.approx(confidence / 2, abs=0.1)


def test_few_labels_make_nothing_certain():
    curve = curves(graded(LEAST_LABELS, lambda c: 0.0))["small"]
    assert 0.05 < curve.at(0.9) < 0.3


@given(st.lists(st.tuples(st.floats(0, 1), st.floats(0, 1)), min_size=LEAST_LABELS, max_size=4 * LEAST_LABELS))
def test_a_curve_never_falls_and_stays_between_0_and_1(rows):
    curve = curves(Graded("small", *row) for row in rows)["small"]
    assert len(curve.chance) <= MOST_STEPS
    values = [curve.at(x) for x in np.linspace(0, 1, 50)]
    assert all(0 <= value <= 1 for value in values)
    assert all(later >= earlier - 1e-12 for earlier, later in pairwise(values))
