"""Confidence: features of an answer's first tokens, P(good), and whether to ask a higher tier."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.confidence.judge import FEATURES, Candidate, ConfidenceModel, Evidence, Logistic, confidence_features, judge
from router.types import Prediction
from training.fit.confidence import fit_logistic

TOKENS = st.lists(st.tuples(st.floats(-1e9, 0), st.floats(-1e9, 1e9)), min_size=1, max_size=30)
PREDICTION = Prediction({"small": 0.2, "moe": 0.9, "large": 0.99}, {})


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("mean_logprob", -0.5),
        ("total_logprob", -1.0),
        ("least_probability", math.exp(-1)),
        ("second_probability", 1.0),
        ("least_margin", -0.5),
        ("unsure_share", 0.5),
        ("log_length", math.log(2)),
        ("finished", 1.0),
        ("predicted", math.log(0.2 / 0.8)),
        ("predicted_higher", math.log(0.99 / 0.01)),
    ],
)
def test_features_of_two_tokens(name, expected):
    values = confidence_features("small", Evidence((0.0, -1.0), (10.0, -0.5), finished=True), PREDICTION)
    assert values[name] == pytest.approx(expected)


@settings(deadline=None)
@given(TOKENS, st.booleans(), st.sampled_from(["small", "moe", "large"]))
def test_features_are_finite_and_probabilities_are_probabilities(tokens, finished, tier):
    evidence = Evidence(*zip(*tokens, strict=True), finished)
    values = confidence_features(tier, evidence, PREDICTION)
    assert tuple(values) == FEATURES
    assert all(map(math.isfinite, values.values()))
    learned = ConfidenceModel({tier: Logistic(dict.fromkeys(FEATURES, 1e6), -1e6)})
    assert 0 <= learned.probability(tier, evidence) <= 1


@pytest.mark.parametrize(
    ("confidence", "cost_lambda", "min_gain", "expected"),
    [
        (0.2, 0.0, 0.1, "large"),  # .95 - .2
        (0.9, 0.0, 0.1, None),  # large would add .05
        (0.9, 0.0, 0.04, "large"),
        (0.2, 0.1, 0.1, "moe"),  # moe adds .5 at 1 x .1, large .75 at 10 x .1
        (0.2, 1.0, 0.1, None),  # too dear
    ],
)
def test_the_most_worthwhile_pool_is_asked_if_it_adds_enough(confidence, cost_lambda, min_gain, expected):
    candidates = [Candidate("moe", 0.7, 1.0), Candidate("large", 0.95, 10.0)]
    verdict = judge(confidence, candidates, cost_lambda, min_gain, 24)
    assert verdict.escalate_to == expected
    assert f"{confidence:.2f} after 24 tokens" in verdict.reason


def test_fitting_finds_the_coefficients_that_made_the_grades():
    rng = np.random.default_rng(0)
    rows = [{"mean_logprob": float(x), "finished": float(y)} for x, y in rng.normal(size=(4000, 2))]
    truth = Logistic({"mean_logprob": 2.0, "finished": -1.0}, 0.5)
    good = [float(rng.random() < truth.probability(row)) for row in rows]
    found = fit_logistic(rows, good, ("mean_logprob", "finished"))
    assert found.weights["mean_logprob"] == pytest.approx(2.0, abs=0.2)
    assert found.weights["finished"] == pytest.approx(-1.0, abs=0.2)
    assert found.intercept == pytest.approx(0.5, abs=0.2)
    assert np.mean([found.probability(row) for row in rows]) == pytest.approx(np.mean(good), abs=1e-3)


def test_a_feature_that_never_changes_and_one_that_tells_all_do_no_harm():
    rows = [{"finished": 1.0, "mean_logprob": float(i)} for i in range(100)]
    found = fit_logistic(rows, [0] * 50 + [1] * 50, ("finished", "mean_logprob"))
    assert found.probability(rows[0]) < 0.1 < 0.9 < found.probability(rows[99])


def test_a_larger_penalty_trusts_few_answers_less():
    rows, good = [{"finished": 1.0}, {"finished": 0.0}] * 4, [1.0, 0.0] * 4
    weights = [fit_logistic(rows, good, ("finished",), penalty).weights["finished"] for penalty in (1.0, 10.0, 100.0)]
    assert weights[0] > weights[1] > weights[2] > 0


@pytest.mark.parametrize("good", [[], [1.0, 1.0], [0.0]])
def test_grades_that_are_all_the_same_teach_nothing(good):
    with pytest.raises(ValueError, match="all answers are good or all are bad"):
        fit_logistic([{"finished": 1.0}] * len(good), good, ("finished",))
