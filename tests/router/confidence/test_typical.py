"""What is typical for a pool's answers."""

from __future__ import annotations

import numpy as np
import pytest

from router.confidence.typical import LEAST_ANSWERS, LEAST_SPREAD, MEMORY, Typical


def seen(values):
    typical = Typical()
    for value in values:
        typical.see(float(value))
    return typical


def test_nothing_is_unusual_before_enough_answers_were_seen():
    assert seen([-0.3] * (LEAST_ANSWERS - 1)).unusual(-5.0) is None
    assert seen([-0.3] * LEAST_ANSWERS).unusual(-0.3) == pytest.approx(0)


def test_a_value_is_measured_in_standard_deviations_of_the_others():
    values = np.random.default_rng(0).normal(-0.5, 0.2, 400)
    assert seen(values).unusual(-0.9) == pytest.approx((-0.9 - values.mean()) / values.std())


def test_a_pool_that_always_says_the_same_is_not_unusual_by_noise():
    assert seen([-0.1] * 100).unusual(-0.1 - LEAST_SPREAD / 2) == pytest.approx(-0.5)


def test_old_answers_fade():
    moved = seen([-2.0] * 100 + [-0.5] * 10 * MEMORY)
    assert abs(moved.unusual(-0.5)) < 0.1
