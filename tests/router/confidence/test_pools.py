"""Confidence by pool: coefficients, what is typical, labels."""

from __future__ import annotations

import pytest

from router.confidence.calibration import Curve
from router.confidence.judge import ConfidenceModel, Evidence, Logistic
from router.confidence.pools import PoolConfidence
from router.confidence.typical import LEAST_ANSWERS
from router.types import Prediction

PREDICTED = Prediction({"small": 0.8}, {})


def answer(logprob):
    return Evidence((logprob,) * 4, (1.0,) * 4)


def warmed(pool="small"):
    """A pool whose answers have a mean log-probability of -0.2 or -0.4."""
    confidence = PoolConfidence()
    for place in range(2 * LEAST_ANSWERS):
        confidence.confidence(pool, "small", answer(-0.2 if place % 2 else -0.4), PREDICTED)
    return confidence


def test_without_labels_a_typical_answer_keeps_its_prediction_and_an_unusual_one_loses_it():
    usual, doubtful, sure = (warmed().confidence("small", "small", answer(x), PREDICTED) for x in (-0.3, -0.7, -0.1))
    assert usual == pytest.approx(0.8, abs=0.02)
    assert doubtful < 0.3
    assert sure > usual


def test_each_pool_has_to_be_known_first():
    confidence = warmed()
    assert confidence.confidence("other", "small", answer(-9.0), PREDICTED) is None


@pytest.mark.parametrize("predicted", [0.0, 1.0])
def test_no_prediction_is_too_certain_for_evidence(predicted):
    confidence, prediction = warmed(), Prediction({"small": predicted}, {})
    typical, unusual = (confidence.confidence("small", "small", answer(x), prediction) for x in (-0.3, -0.6))
    assert 0 < unusual / (1 - unusual) < 0.2 * typical / (1 - typical)


def test_coefficients_come_before_what_is_typical():
    confidence = PoolConfidence(ConfidenceModel({"small": Logistic({}, 0.0)}))
    assert confidence.confidence("small", "small", answer(-3.0), PREDICTED) == 0.5


def test_labels_correct_the_confidence_of_their_pool():
    confidence = PoolConfidence()
    confidence.use({"small": Curve((0.2, 0.8), (0.1, 0.4), 60)})
    assert [confidence.calibrated("small", x) for x in (0.1, 0.5, 0.9)] == pytest.approx([0.1, 0.25, 0.4])
    assert confidence.calibrated("moe", 0.9) == 0.9
