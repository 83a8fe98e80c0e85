"""What a quality model expects of queries."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

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
    """What a model expects of queries, tiers in the order of `cluster.pool.TIERS`."""

    quality: Array
    """P(good), shape (queries, 3)."""
    output_tokens: Array
    """Same shape."""
    calibration: CalibrationSample | None
    """What a budget's controller starts from; None for hand-written rules."""
    latency_us: dict[str, float]
    """CPU time of a decision."""
    answer_gain: Array | None = None
    """What the highest tier of each row would add to the lowest one's quality, judged by the text of the lowest one's
    answer too; NaN where there is no such text. None: it was not asked for."""


def forecast(model: QualityModel, outcomes: Sequence[Outcome]) -> Forecasts:
    """A model's predictions, one query at a time as a fleet asks it; nothing but the requests is looked at."""
    requests = [outcome.request for outcome in outcomes]
    made = [model.predict(request) for request in requests]
    return Forecasts(
        quality=np.array([[one.quality[tier] for tier in TIERS] for one in made]),
        output_tokens=np.array([[one.output_tokens[tier] for tier in TIERS] for one in made]),
        calibration=model.calibration,
        latency_us=decision_latency_us(model, requests),
    )
