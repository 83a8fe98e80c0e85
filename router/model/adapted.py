"""The quality model of a fleet with few own labels: an order from public outcomes, adapted to the fleet.

What 25 to 500 graded requests can tell is little: how much better the highest tier is on average, and a rough order
of which requests gain from it. So there is one score of gain for all tiers, and one ladder of mean gains
(docs/routing.md).
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cluster.pool import TIERS
from router.model.learned import Ensemble, View, all_tiers, kept_in_range, known_share, view
from router.model.members import Floats, Linear, Trees
from router.quality import QualityModel, RuleQuality
from router.types import CalibrationSample, Contributions, Prediction, RoutingRequest

AMPLITUDE = 0.4
"""How far a gain differs from its tier's mean gain, per standard deviation of the score."""
LEAST_GAIN = 0.05
"""A tier whose mean gain is smaller is ordered as if it were this: the best requests still gain."""
LARGEST_SCORE = 2.0
"""A score approaches this many standard deviations and never exceeds it."""
STRANGE, FAMILIAR = 0.1, 0.4
"""Shares of a request's tokens that own labels contain: below the first, own labels say nothing about the request;
above the second, they decide alone."""


@dataclass(frozen=True)
class GainOrder:
    """Which requests gain from a stronger model, learned from public outcomes of many pairs of models."""

    linear: Linear
    """One head, on the request's length."""
    trees: Trees
    """One head, on the lexical features."""

    def of(self, features: Floats) -> float:
        """Return the score of a request: gains in standard deviations of the gains of its data set."""
        return float(self.linear.predict(features)[0] + self.trees.predict(features)[0])


@dataclass(frozen=True)
class AdaptedQuality:
    """See `router.quality.QualityModel`."""

    anchor: str
    """The highest tier in training."""
    lower: tuple[str, ...]
    """Tiers with their own mean gain."""
    base: GainOrder
    base_line: Floats
    """Slope and offset that scale the base's score to its share, shape (2,)."""
    own: Ensemble
    """One head: the standardised gain of the anchor over the lowest tier."""
    line: Floats
    """Mean and standard deviation of the score on labels that the own members had not seen, shape (2,)."""
    levels: Floats
    """Mean quality of the anchor, then its mean gain over each of `lower`, shape (1 + len(lower),)."""
    output_tokens: Floats
    """Mean tokens of each tier's answers, in the order of TIERS."""
    vocabulary: NDArray[np.uint8]
    """Packed bits of the tokens that training has seen."""
    calibration: CalibrationSample
    """Out-of-fold predictions."""
    card: Mapping[str, Any]
    """Origin of the model: sources, counts, metrics, date, version."""
    far: QualityModel = field(default_factory=RuleQuality)
    """Predicts requests that are unlike training."""

    def predict(self, request: RoutingRequest) -> Prediction:
        """See QualityModel.predict. The less a request is like training, the more `far` counts."""
        seen = view(request)
        known = known_share(seen, self.vocabulary)
        near = min(max((known - STRANGE) / (FAMILIAR - STRANGE), 0.0), 1.0)
        own, fallback = all_tiers(self.qualities(self.score(seen)))
        limit = request.max_tokens or math.inf
        tokens = {tier: min(n, limit) for tier, n in zip(TIERS, self.output_tokens.tolist(), strict=True)}
        if near == 1.0:
            return Prediction(own, tokens, fallback)
        far = self.far.predict(request).quality
        mixed = {tier: near * own[tier] + (1 - near) * far[tier] for tier in TIERS}
        why = f"own labels contain {known:.0%} of the query's words, so difficulty counts {1 - near:.0%}"
        return Prediction(mixed, tokens, why)

    def score(self, seen: View) -> float:
        """Return how much a request gains from a higher tier, in standard deviations of the labels' scores."""
        return self.bounded(self.raw(seen))

    def bounded(self, raw: float) -> float:
        """Return the score of a sum."""
        mean, spread = self.line
        return float(LARGEST_SCORE * math.tanh((raw - mean) / spread / LARGEST_SCORE))

    def raw(self, seen: View) -> float:
        """Return the sum of the base's share and what own labels say."""
        slope, offset = self.base_line
        return float(slope * self.base.of(seen.features) + offset + self.own.predict(self.own.votes(seen))[0])

    def qualities(self, score: float) -> dict[str, float]:
        """Return the quality by tier, of the tiers in training."""
        level, *means = self.levels.tolist()
        gains = [mean + AMPLITUDE * score * max(mean, LEAST_GAIN) for mean in means]
        return kept_in_range(
            {self.anchor: level} | dict(zip(self.lower, (level - gain for gain in gains), strict=True))
        )

    def because(self, request: RoutingRequest) -> Contributions:
        """Return what the public order and own labels add to the score of gain."""
        seen = view(request)
        (slope, offset), (mean, spread) = self.base_line, self.line
        parts = {
            "order of public outcomes": slope * self.base.of(seen.features) + offset,
            "own labels": self.raw(seen) - slope * self.base.of(seen.features) - offset - mean,
        }
        largest = sorted(parts.items(), key=lambda part: -abs(part[1]))
        return tuple((name, float(part / spread)) for name, part in largest)
