"""Predicting, per tier, whether an answer will be good: the seam, and the rules that stand in for a learned model."""

from __future__ import annotations

import math
from typing import Protocol

from cluster.pool import TIERS
from router.complexity import RuleComplexity
from router.features import features
from router.types import CalibrationSample, Contributions, Prediction, RoutingRequest

RULE_LIMITS = {"small": 0.53, "moe": 0.8, "large": 1.3}
"""Complexity score at which a tier's answer is as likely good as bad, set by hand as the rule's weights are."""
RULE_SHARPNESS = 20.0
"""How fast a tier's quality falls around its limit, per unit of score."""
RULE_OUTPUT_TOKENS = 200.0
"""Expected answer where nothing is known: a usual chat answer."""


class QualityModel(Protocol):
    """Predicts each tier's quality on a request. Pure, deterministic, and never raises on any request."""

    @property
    def calibration(self) -> CalibrationSample | None:
        """Predictions for queries like those of training; None where nothing was trained."""

    def predict(self, request: RoutingRequest) -> Prediction:
        """Quality and expected tokens."""

    def because(self, request: RoutingRequest) -> Contributions:
        """What speaks for a dear tier. Asked for explanations only: it may take longer than a prediction."""


class RuleQuality:
    """Quality from the complexity score: a logistic fall at each tier's limit."""

    calibration = None

    def __init__(self, fallback: str | None = None) -> None:
        self.fallback = fallback

    def predict(self, request: RoutingRequest) -> Prediction:
        """See QualityModel.predict."""
        score, _ = RuleComplexity().score(features(request))
        quality = {tier: 1 / (1 + math.exp(-RULE_SHARPNESS * (RULE_LIMITS[tier] - score))) for tier in TIERS}
        tokens = float(min(RULE_OUTPUT_TOKENS, request.max_tokens or RULE_OUTPUT_TOKENS))
        return Prediction(quality, dict.fromkeys(TIERS, tokens), self.fallback)

    def because(self, request: RoutingRequest) -> Contributions:
        """See QualityModel.because."""
        return RuleComplexity().score(features(request))[1]
