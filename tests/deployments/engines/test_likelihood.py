"""How clearly a token was preferred."""

from __future__ import annotations

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from deployments.engines.likelihood import CERTAIN, margin


@pytest.mark.parametrize(
    ("chosen", "others", "expected"),
    [
        (math.log(0.6), [math.log(0.3), math.log(0.1)], math.log(2)),
        (math.log(0.1), [math.log(0.8)], math.log(1 / 8)),
        (math.log(0.75), [], math.log(3)),  # the best other one has at most the quarter that is left
        (0.0, [], CERTAIN),
        (0.0, [-math.inf], CERTAIN),
    ],
)
def test_margin(chosen, others, expected):
    assert margin(chosen, others) == pytest.approx(expected)


@settings(deadline=None)
@given(st.floats(0.01, 1), st.floats(0, 1))
def test_an_unknown_runner_up_never_makes_the_margin_greater(chance, share):
    other = (1 - chance) * share
    known = margin(math.log(chance), [math.log(other)] if other else [-math.inf])
    assert margin(math.log(chance), []) <= known + 1e-9
