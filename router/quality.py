"""Predict for each tier whether its answer will be good: the interface, and the rules used without a learned model."""

from __future__ import annotations

import math
from typing import Protocol

from cluster.pool import TIERS
from router.complexity import RuleComplexity
from router.features import features
from router.types import CalibrationSample, Contributions, Prediction, RoutingRequest

RULE_LIMITS = {"small": 0.53, "moe": 0.8, "large": 1.3}
"""Complexity score at which a tier's answer is as likely good as bad; set by hand, like the rule's weights."""
RULE_SHARPNESS = 20.0
"""How fast a tier's quality falls near its limit, per unit of score."""
RULE_OUTPUT_TOKENS = 200.0
"""Expected tokens of an answer if nothing is known: a typical chat answer."""


class QualityModel(Protocol):
    """Predicts each tier's quality for a request. It is pure and deterministic, and never raises."""

    @property
    def calibration(self) -> CalibrationSample | None:
        """Predictions for queries like those of training; None if nothing was trained."""

    def predict(self, request: RoutingRequest) -> Prediction:
        """Return quality and expected tokens for each tier."""

    def because(self, request: RoutingRequest) -> Contributions:
        """Return what favours an expensive tier. Only explanations use it, so it may take longer than a prediction."""


class RuleQuality:
    """Quality from the complexity score: a logistic curve that falls at each tier's limit."""

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
