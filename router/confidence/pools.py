"""Judge the answers of each pool: by coefficients, by what is typical for the pool, and by the fleet's labels."""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Mapping

import numpy as np

from router.confidence.calibration import Curve
from router.confidence.judge import LOWEST, ConfidenceModel, Evidence
from router.confidence.typical import Typical
from router.types import Prediction

LOG_ODDS = 0.7
"""Log-odds of a good answer per standard deviation of its mean log-probability, without labels. If good and bad answers
have equal spread, it is their distance d' in standard deviations, and AUC = normal CDF(d' / sqrt 2): here .69. The
demo's small model has .92 (docs/routing.md); an unknown model is trusted less."""
SURE = 0.98
"""A prediction counts as no more certain than this, so that evidence always has a say."""


class PoolConfidence:
    """What one process knows of its pools' confidence.

    Args:
        model: coefficients by tier; a tier without coefficients is judged by what is typical for its pool.
        before: what was known under an earlier spec.
    """

    def __init__(self, model: ConfidenceModel | None = None, before: PoolConfidence | None = None) -> None:
        self._model = model or ConfidenceModel()
        self._typical: defaultdict[str, Typical] = before._typical if before else defaultdict(Typical)
        self._curves: Mapping[str, Curve] = before._curves if before else {}

    def use(self, curves: Mapping[str, Curve]) -> None:
        """Calibrate by these curves from now on, by pool."""
        self._curves = curves

    def confidence(self, pool: str, tier: str, evidence: Evidence, prediction: Prediction | None) -> float | None:
        """Return P(the answer is good) before calibration, and count the answer as one of its pool.

        None means that too few answers of the pool were seen to say what is typical.

        Args:
            evidence: at least one token.
            prediction: the prediction before the answer; None means as likely good as bad.
        """
        if tier in self._model.tiers:
            return self._model.probability(tier, evidence, prediction)
        level = float(np.clip(evidence.logprobs, LOWEST, 0).mean())
        unusual = self._typical[pool].unusual(level)
        self._typical[pool].see(level)
        if unusual is None:
            return None
        before = prediction.quality.get(tier, 0.5) if prediction else 0.5
        odds = min(max(before, 1 - SURE), SURE)
        return 1 / (1 + math.exp(-(math.log(odds / (1 - odds)) + LOG_ODDS * unusual)))

    def calibrated(self, pool: str, confidence: float) -> float:
        """Return P(the answer is good) by the fleet's labels; the confidence itself where there are too few."""
        curve = self._curves.get(pool)
        return curve.at(confidence) if curve else confidence
