"""The learned quality model: an ensemble over a request's length, its words, and its lexical features."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cluster.pool import TIERS
from router.model.lexical import NAMES, lexical
from router.model.members import Floats, Hashed, Linear, Trees
from router.model.ngrams import Counts, token_hashes, word_ngrams
from router.model.reading import read
from router.quality import QualityModel, RuleQuality
from router.types import CalibrationSample, Contributions, Prediction, RoutingRequest

VOCABULARY = 1 << 17
"""Bits of the set of known tokens."""
KNOWN_SHARE = 0.4
"""Minimum share of a request's tokens that training has seen. Other languages stay below it, so rules predict them."""
LENGTH_BEYOND = 1.5
"""Maximum length of a query compared with the longest in training, as a natural logarithm (e**1.5 is 4.5 times)."""
EXPLAINED_PARTS = 6
"""Number of features in an explanation."""
LINEAR_SHARE, SHARE = 0.5, 0.25
"""Weights of the linear member and of each other one. It is the simplest and the most robust on new kinds of query."""


@dataclass(frozen=True)
class View:
    """One request as the members see it."""

    features: Floats
    """Shape (len(NAMES),)."""
    words: Counts
    tokens: NDArray[np.intp]
    """Each token's bit in the vocabulary."""
    log_characters: float


def view(request: RoutingRequest) -> View:
    """Return the members' view of any request, in linear time."""
    reading = read(request.text)
    hashes = token_hashes(reading.tokens)
    return View(
        np.array(lexical(request, reading)),
        word_ngrams(hashes),
        (hashes % np.uint64(VOCABULARY)).astype(np.intp),
        math.log1p(len(request.text)),
    )


@dataclass(frozen=True)
class Votes:
    """The predictions of each member for one request."""

    linear: Floats
    """Shape (heads,), like the other two."""
    words: Floats
    trees: Floats


@dataclass(frozen=True)
class Ensemble:
    """Three members that each predict every head. A linear calibration per head corrects their weighted mean."""

    linear: Linear
    words: Hashed
    trees: Trees
    slope: Floats
    """Shape (heads,); fitted on queries that the members were not trained on."""
    offset: Floats

    def votes(self, seen: View) -> Votes:
        """Return the prediction of each member."""
        return Votes(
            self.linear.predict(seen.features),
            self.words.predict(seen.words),
            self.trees.predict(seen.features),
        )

    def raw(self, votes: Votes) -> Floats:
        """Return the weighted mean of the members before calibration, shape (heads,)."""
        mean: Floats = LINEAR_SHARE * votes.linear + SHARE * (votes.words + votes.trees)
        return mean

    def predict(self, votes: Votes) -> Floats:
        """Return the calibrated prediction, shape (heads,)."""
        return self.raw(votes) * self.slope + self.offset


@dataclass(frozen=True)
class LearnedQuality:
    """See `router.quality.QualityModel`.

    Head 0 is the anchor tier's quality. The other heads are its gains over the tiers below. Decisions depend on gains,
    and a gain is learned better than the difference of two qualities.
    """

    anchor: str
    """The highest tier in training."""
    lower: tuple[str, ...]
    """Tiers of the gain heads. A tier that is neither here nor the anchor is interpolated or extrapolated."""
    ensemble: Ensemble
    usual: Floats
    """Mean of the features in training, shape (len(NAMES),). Explanations compare a query with it."""
    output_tokens: Floats
    """Mean tokens of each tier's answers, in the order of TIERS."""
    vocabulary: NDArray[np.uint8]
    """Packed bits of the tokens that training has seen."""
    longest: float
    """log(1 + characters) of the longest query in training."""
    calibration: CalibrationSample
    """Out-of-fold predictions."""
    card: Mapping[str, Any]
    """Origin of the model: sources, counts, metrics, date, version."""
    far: QualityModel = field(default_factory=RuleQuality)
    """Predicts requests that are too far from training."""

    def predict(self, request: RoutingRequest) -> Prediction:
        """See QualityModel.predict."""
        seen = view(request)
        if reason := self.why_not(seen):
            return replace(self.far.predict(request), fallback=f"judged by difficulty alone: {reason}")
        quality, fallback = all_tiers(self.qualities(self.ensemble.predict(self.ensemble.votes(seen))))
        limit = request.max_tokens or math.inf
        return Prediction(
            quality=quality,
            output_tokens={tier: min(n, limit) for tier, n in zip(TIERS, self.output_tokens.tolist(), strict=True)},
            fallback=fallback,
        )

    def qualities(self, heads: Floats) -> dict[str, float]:
        """Return the quality by tier."""
        anchor, *gains = heads.tolist()
        levels = [anchor, *(anchor - min(max(gain, -1.0), 1.0) for gain in gains)]
        return kept_in_range(dict(zip((self.anchor, *self.lower), levels, strict=True)))

    def why_not(self, seen: View) -> str | None:
        """Return why the request is too far from training to be predicted; None if it is not."""
        if not len(seen.tokens):
            return "the query has no words"
        if seen.log_characters > self.longest + LENGTH_BEYOND:
            return "the query is far longer than any in training"
        if (known := known_share(seen, self.vocabulary)) < KNOWN_SHARE:
            return f"training has seen only {known:.0%} of the query's words"
        return None

    def because(self, request: RoutingRequest) -> Contributions:
        """Return the parts of the anchor's gain over the lowest tier.

        The parts are those of the query's length and wording, and for each feature what the trees predict beyond the
        prediction with its usual value.
        """
        seen = view(request)
        if self.why_not(seen):
            return self.far.because(request)
        ensemble, votes = self.ensemble, self.ensemble.votes(seen)
        trees = [votes.trees - ensemble.trees.predict(self._without(seen, place)) for place in range(len(NAMES))]
        parts = {name: SHARE * part[1] for name, part in zip(NAMES, trees, strict=True)}
        parts["length"] = LINEAR_SHARE * (votes.linear - ensemble.linear.intercept)[1]
        parts["wording"] = SHARE * (votes.words - ensemble.words.intercept)[1]
        largest = sorted(parts.items(), key=lambda part: -abs(part[1]))[:EXPLAINED_PARTS]
        return tuple((name, float(part * ensemble.slope[1])) for name, part in largest)

    def _without(self, seen: View, place: int) -> Floats:
        """Return the query's features with one of them at its usual value."""
        features = seen.features.copy()
        features[place] = self.usual[place]
        return features


def known_share(seen: View, vocabulary: NDArray[np.uint8]) -> float:
    """Return the share of a request's tokens that training has seen, 0..1; 0 without tokens."""
    if not len(seen.tokens):
        return 0.0
    return float((vocabulary[seen.tokens >> 3] >> (seen.tokens & 7) & 1).mean())


def kept_in_range(levels: Mapping[str, float]) -> dict[str, float]:
    """Return the quality by tier. If a level would leave 0..1, all levels shift, which keeps the gains."""
    shift = max(0.0, -min(levels.values()))
    shift -= max(0.0, max(levels.values()) + shift - 1.0)
    return {tier: min(max(level + shift, 0.0), 1.0) for tier, level in levels.items()}


def all_tiers(quality: Mapping[str, float]) -> tuple[dict[str, float], str | None]:
    """Return the quality of every tier in the order of TIERS; if training has no data for one, also how it is known."""
    unknown = next((tier for tier in TIERS if tier not in quality), None)
    if unknown is None:
        return {tier: quality[tier] for tier in TIERS}, None
    known = {**quality, unknown: in_line(quality, unknown)}
    said = f"training has no data for tier {unknown}: its quality follows the other tiers' trend"
    return {tier: known[tier] for tier in TIERS}, said


def in_line(quality: Mapping[str, float], tier: str) -> float:
    """Return a tier's quality on a straight line through two other tiers, assuming equal steps between tiers; 0..1."""
    (low, first), (high, second) = sorted((TIERS.index(known), value) for known, value in quality.items())
    level = first + (second - first) * (TIERS.index(tier) - low) / (high - low)
    return min(max(level, 0.0), 1.0)
