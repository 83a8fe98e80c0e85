"""Predictions of a quality model for queries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from cluster.pool import TIERS
from router.quality import QualityModel
from router.types import CalibrationSample
from training.judge.decision_latency import decision_latency_us
from training.outcomes import Outcome

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Forecasts:
    """Predictions for queries, with tiers in the order of `cluster.pool.TIERS`."""

    quality: Array
    """P(good), shape (queries, 3)."""
    output_tokens: Array
    """Same shape."""
    calibration: CalibrationSample | None
    """Where a budget's controller starts; None for hand-written rules."""
    latency_us: dict[str, float]
    """CPU time of a decision; empty if it was not measured."""
    answer_gain: Array | None = None
    """Quality that each row's highest tier would add to the lowest tier's, predicted with the text of the lowest tier's
    answer; NaN without such a text. None: not requested."""


def predictions(model: QualityModel, outcomes: Sequence[Outcome]) -> Forecasts:
    """A model's predictions, one query at a time as in a fleet. Only the requests are read."""
    made = [model.predict(outcome.request) for outcome in outcomes]
    return Forecasts(
        quality=np.array([[one.quality[tier] for tier in TIERS] for one in made]),
        output_tokens=np.array([[one.output_tokens[tier] for tier in TIERS] for one in made]),
        calibration=model.calibration,
        latency_us={},
    )


def forecast(model: QualityModel, outcomes: Sequence[Outcome]) -> Forecasts:
    """A model's predictions, and how long a decision takes."""
    latency_us = decision_latency_us(model, [outcome.request for outcome in outcomes])
    return replace(predictions(model, outcomes), latency_us=latency_us)
