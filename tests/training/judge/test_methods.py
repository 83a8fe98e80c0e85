from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest

from cluster.loading import PROJECT_ROOT
from router.types import CalibrationSample, RoutingRequest
from training.folds import Fold, question_folds
from training.judge.forecasts import Forecasts
from training.judge.methods import (
    baseline_methods,
    budget_error_pp,
    grade,
    prior_scores,
    signalbox_method,
)
from training.judge.scores import Judge, Predictor
from training.outcome_files import read_file
from training.outcomes import Outcome

PUBLIC = Path(os.environ.get("SIGNALBOX_DATA", PROJECT_ROOT.parent / "shared" / "data")) / "routing"
PRICES = {"small": 1.0, "moe": 3.0, "large": 10.0}


def outcome(text="q", group="g", tokens=None, **quality):
    return Outcome(RoutingRequest(text), group, quality, tokens or {})


def test_without_tokens_a_request_costs_its_tiers_price():
    graded, rows = grade([outcome(moe=0.0, large=1.0), outcome(moe=1.0), outcome(moe=1.0, large=0.5)], PRICES)
    assert rows.tolist() == [0, 2]  # the second row does not say what the large tier would have done
    assert graded.truth.tiers == ("moe", "large")
    assert graded.truth.cost.tolist() == [[3, 10], [3, 10]]
    assert graded.truth.quality.tolist() == [[0, 1], [1, 0.5]]
    assert graded.expected_cost(np.full((2, 3), 50.0)).tolist() == [[3, 10], [3, 10]]


def test_with_tokens_every_answer_costs_its_own():
    graded, _ = grade([outcome(tokens={"small": 100, "large": 20}, small=0.0, large=1.0)], PRICES)
    assert graded.truth.cost.tolist() == [[100, 200]]
    assert graded.expected_cost(np.array([[50.0, 7.0, 30.0]])).tolist() == [[50, 300]]


def test_tiers_are_ordered_by_what_they_cost_here():
    graded, _ = grade([outcome(small=1.0, large=0.0)], {"small": 4.0, "large": 2.0})
    assert graded.truth.tiers == ("large", "small")
    assert graded.columns == (2, 0)
    forecasts = Forecasts(np.array([[0.9, 0.5, 0.2]]), np.ones((1, 3)), None, {})
    method = signalbox_method(graded, forecasts, np.array([0]))
    assert method.quality.tolist() == [[0.2, 0.9]]
    assert method.score == pytest.approx([0.7])


def test_rows_of_one_tier_cannot_be_judged():
    with pytest.raises(ValueError, match="no row has outcomes of two tiers"):
        grade([outcome(small=1.0), outcome(large=1.0)], PRICES)


def test_the_prior_knows_its_training_rows_only():
    rows = [outcome(group=group, small=0.0, large=gain) for group, gain in [("a", 1.0), ("b", 0.0), ("a", 0.0)]]
    rows.append(outcome(group="a", small=1.0))  # no gain is known
    folds = [Fold(np.array([0, 1, 3]), np.array([2])), Fold(np.array([1, 2]), np.array([0, 1, 3]))]
    assert prior_scores(rows, folds).tolist() == [0, 0, 0.5, 0]


def test_baselines_are_there_by_name():
    graded, _ = grade([outcome("a", small=0.0, large=1.0), outcome("bcd", small=1.0, large=1.0)], PRICES)
    methods = baseline_methods(graded, np.array([0.0, 0.1]), seed=0)
    assert list(methods) == ["random", "length", "prior", "litellm", "oracle"]
    assert methods["length"][0].score.tolist() == [1, 3]
    assert methods["oracle"][0].score.tolist() == [1, 0]
    assert len(methods["random"]) == 20


def test_a_budget_is_held_on_predictions_like_the_calibrations():
    draw = np.random.default_rng(0)
    graded, _ = grade([outcome(small=0.0, moe=1.0, large=1.0)] * 1500, PRICES)
    quality = np.sort(draw.random((1500, 3)), axis=1)
    method = Predictor(quality[:, 2] - quality[:, 0], quality, np.tile([1.0, 3.0, 10.0], (1500, 1)))
    earlier = CalibrationSample(np.sort(draw.random((800, 3)), axis=1), np.full((800, 3), 100.0), np.full(800, 50.0))
    assert 0 <= budget_error_pp(graded, method, earlier, seed=1) < 4


@pytest.mark.skipif(not PUBLIC.is_dir(), reason="the public routing data is not here")
@pytest.mark.parametrize(
    ("stem", "expected"),
    [
        pytest.param(
            "routellm_mmlu",
            {"length": 0.590, "litellm": 0.596, "random": 0.5, "prior": 0.699},
            marks=pytest.mark.slow,
        ),
        ("routellm_gsm8k", {"length": 0.587, "litellm": 0.534, "random": 0.5, "prior": 0.5}),
        ("zeroeval_gsm", {"length": 0.645, "litellm": 0.515, "random": 0.5, "prior": 0.5}),
    ],
)
def test_public_data_says_of_simple_methods_what_it_said_before(stem, expected):
    outcomes = read_file(PUBLIC / f"{stem}.jsonl.gz", {}).outcomes
    graded, rows = grade(outcomes, PRICES)
    folds = question_folds([outcome.request.text for outcome in outcomes], 5)
    methods = baseline_methods(graded, prior_scores(outcomes, folds)[rows], seed=0)
    court = Judge(graded.truth, resamples=0)
    for name, apgr in expected.items():
        if methods[name]:
            assert court.scores(methods[name]).apgr == pytest.approx(apgr, abs=0.012)
