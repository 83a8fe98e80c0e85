"""Heads that are fitted on parts of the labels."""

from __future__ import annotations

import numpy as np
import pytest

from benchmarks.look.heads import chances, disjoint, fit_head, fit_heads, log_loss


def test_parts_are_disjoint_and_whole():
    assert list(disjoint(10, 3)) == [slice(0, 3), slice(3, 6), slice(6, 9)]
    assert list(disjoint(10, 10)) == [slice(0, 10)]
    assert list(disjoint(2, 3)) == []


def test_log_loss_of_certain_and_of_even_chances():
    assert log_loss(np.array([0.5, 0.5]), np.array([1.0, 0.0])) == pytest.approx(np.log(2))
    assert log_loss(np.array([0.9, 0.9]), np.array([1.0, 0.0])) == pytest.approx(-(np.log(0.9) + np.log(0.1)) / 2)


def drawn(labels, width, seed=3):
    rng = np.random.default_rng(seed)
    inputs = rng.normal(size=(labels, width))
    rows = [{f"x{place}": float(value) for place, value in enumerate(row)} for row in inputs]
    return rows, (inputs[:, 0] + 0.5 * rng.normal(size=labels) > 0).astype(float)


def test_a_head_of_more_weights_than_labels_still_ranks_new_answers():
    rows, good = drawn(80, 200)
    fresh, right = drawn(400, 200, seed=4)
    predicted = chances(fit_head(rows, good), fresh)
    assert predicted[right == 1].mean() > predicted[right == 0].mean() + 0.02


def test_each_part_of_the_labels_gets_its_own_head():
    rows, good = drawn(100, 2)
    heads = fit_heads(rows, good, 50)
    assert len(heads) == 2
    assert heads[0] == fit_head(rows[:50], good[:50])
    assert heads[0] != heads[1]
