"""What an answer's text says: arithmetic that is checked, and finite features of any text."""

from __future__ import annotations

import math
import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.model.lexical import NAMES
from router.model.reading import read
from router.types import RoutingRequest
from training.fit import members as fitting
from training.fit.answers import ANSWER_NAMES, answer_features, answer_view
from training.fit.train import TooFewLabels, train_answer_gain
from training.outcomes import Outcome


def said(answer: str, query: str = "") -> dict[str, float]:
    return dict(zip(ANSWER_NAMES, answer_features(read(query), read(answer)), strict=True))


@pytest.mark.parametrize(
    ("answer", "equations", "wrong"),
    [
        ("nothing to add", 0, 0),
        ("3 * 60 = 180", 1, 0),
        ("3 * 60 = 190", 1, 1),
        ("3+4=7", 1, 0),
        ("3 × 4 = 12 and 12 ÷ 4 = 3 and 3 x 3 = 9", 3, 0),
        ("2 + 3 * 4 = 14", 1, 0),
        ("2 + 3 * 4 = 20", 1, 1),
        ("20 - 6 / 3 = 18", 1, 0),
        ("4 - 7 = -3", 1, 0),
        ("10 / 3 = 3.33", 1, 0),
        ("10 / 3 = 3.4", 1, 1),
        ("2000 / 3 = 666.7", 1, 0),
        ("5 / 0 = 0", 1, 1),
        ("$1,200 + $300.50 = $1,500.50", 1, 0),
        ("50% * 80 = 40", 1, 1),  # percent signs say nothing
        ("1 + 2 = 3 + 4 = 7", 1, 0),  # of a chain only the last part is an equation
        ("2.5 * 5 = 12.5 + 1", 0, 0),
        ("1 + 2 + 3 + 4 + 5 = 15", 1, 0),
        ("5 * 2 = 10\n35 - 10 = 25\n- 1 + 1 = 3", 3, 1),
        ("The sum is 3 + 4 = 7.", 1, 0),
        ("(1 + 2) * 3 = 9", 0, 0),
        ("2 * (1 + 2) + 1 * 3 = 9", 0, 0),
        ("x = 4", 0, 0),
    ],
)
def test_arithmetic(answer, equations, wrong):
    found = said(answer)
    counts = (found["equations"], found["wrong equations"] * equations, found["has wrong equation"])
    assert counts == pytest.approx((equations, wrong, float(wrong > 0)))


@pytest.mark.parametrize(
    ("answer", "name", "value"),
    [
        ("So it is 12.", "finished", 1),
        ("So it is", "finished", 0),
        ("So it is 12.", "final answer size", math.log1p(12)),
        ("So it is 12.", "final answer is in the query", 1),
        ("So it is 2.5.", "fractional final answer", 1),
        ("So it is -3", "negative final answer", 1),
        ("I do not know what that would be at all", "final answer", 0),
        ("First 12, then 99", "query numbers used", 1 / 2),
        ("First 12, then 99", "numbers from nowhere", 1 / 2),
        ("Wait, actually I cannot.", "doubts", 3),
        ("a\nb\na\n\n", "repeated lines", 1 / 3),
        ("a\nlast line here", "last line words", 3),
        ("one two three", "answer words per query word", 1),
    ],
)
def test_said(answer, name, value):
    assert said(answer, "Take 12 or 7 apples")[name] == pytest.approx(value)


@settings(deadline=None)
@given(
    st.text(max_size=300)
    | st.text(st.characters(exclude_categories=[]), max_size=100)
    | st.text("0123456789+-*/=. ,$%x()#\n", max_size=200)
    | st.sampled_from(["nan", "#### inf", "#### 1e999", "#### 1_0", "9" * 5000]),
    st.text(max_size=50),
)
def test_any_answer_has_the_same_finite_features(answer, query):
    seen = answer_view(RoutingRequest(query), answer)
    assert len(seen.features) == 2 * len(NAMES) + len(ANSWER_NAMES)
    assert np.isfinite(seen.features).all()


def sums(count: int, seed: int = 0) -> list[Outcome]:
    """Queries of one kind; the cheap tier's answer is wrong where its arithmetic is, and nowhere else."""
    draw, rows = random.Random(seed), []
    for _ in range(count):
        one, other, right = draw.randint(11, 99), draw.randint(11, 99), draw.random() < 0.6
        total = one + other + (0 if right else draw.choice((-10, -1, 1, 10)))
        request = RoutingRequest(f"Anna has {one} apples and buys {other}. How many are there?")
        answer = f"She has {one} + {other} = {total} apples."
        rows.append(Outcome(request, "", {"moe": float(right), "large": 1.0}, answer={"moe": answer}))
    return rows


def test_wrong_arithmetic_predicts_failure(monkeypatch):
    monkeypatch.setattr(fitting, "ROUNDS_FEW", 40)
    gain = train_answer_gain(sums(300), "moe", "large")
    unseen = sums(100, seed=1)
    wrong = [gain(outcome) for outcome in unseen if not outcome.quality["moe"]]
    right = [gain(outcome) for outcome in unseen if outcome.quality["moe"]]
    assert np.mean(wrong) > np.mean(right) + 0.2
    assert np.mean([w > r for w in wrong for r in right]) > 0.95


def test_a_gain_without_the_answer_is_a_number(monkeypatch):
    monkeypatch.setattr(fitting, "ROUNDS_FEW", 5)
    gain = train_answer_gain(sums(200), "moe", "large")
    assert math.isfinite(gain(Outcome(RoutingRequest(""), "", {})))


def test_too_few_answers():
    rows = sums(199) + [Outcome(RoutingRequest("q"), "", {"moe": 1.0, "large": 1.0})] * 50
    with pytest.raises(TooFewLabels, match="200 answers of tier moe with their text are needed, there are 199"):
        train_answer_gain(rows, "moe", "large")
