"""The learned quality model: an ensemble over a request's length, its words, and its lexical features."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cluster.pool import TIERS
from router.model.lexical import NAMES, lexical
from router.model.members import Floats, Hashed, Linear, Trees
from router.model.ngrams import Counts, token_hashes, word_ngrams
from router.model.reading import read
from router.quality import RuleQuality
from router.types import CalibrationSample, Contributions, Prediction, RoutingRequest

VOCABULARY = 1 << 17
"""Bits of the set of known tokens."""
KNOWN_SHARE = 0.4
"""Of a request's tokens, the share that training must have seen for the model to speak; other languages have less."""
LENGTH_BEYOND = 1.5
"""Natural logarithm of how many times longer than training's longest a query may be (e**1.5 is 4.5 times)."""
TOLD = 6
"""Parts of an explanation."""
LINEAR_SHARE, SHARE = 0.5, 0.25
"""Weights of the linear member and of the others. It knows least and is least misled by queries of a new kind."""


@dataclass(frozen=True)
class View:
    """What the members see of one request."""

    features: Floats
    """Shape (len(NAMES),)."""
    words: Counts
    tokens: NDArray[np.intp]
    """Each token's bit in the vocabulary."""
    log_characters: float


def view(request: RoutingRequest) -> View:
    """Take a request apart for the members; any request, in linear time."""
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
    """What the members of an ensemble say of one request."""

    linear: Floats
    """Shape (heads,), as the following."""
    words: Floats
    trees: Floats


@dataclass(frozen=True)
class Ensemble:
    """Three members, each predicting every head; their weighted mean, set right by a line per head, counts."""

    linear: Linear
    words: Hashed
    trees: Trees
    slope: Floats
    """Shape (heads,); fitted on queries that the members had not seen."""
    offset: Floats

    def votes(self, seen: View) -> Votes:
        """What each member says."""
        return Votes(
            self.linear.predict(seen.features),
            self.words.predict(seen.words),
            self.trees.predict(seen.features),
        )

    def raw(self, votes: Votes) -> Floats:
        """Mean of the members before it is set right, shape (heads,)."""
        mean: Floats = LINEAR_SHARE * votes.linear + SHARE * (votes.words + votes.trees)
        return mean

    def predict(self, votes: Votes) -> Floats:
        """Shape (heads,)."""
        return self.raw(votes) * self.slope + self.offset


@dataclass(frozen=True)
class LearnedQuality:
    """See `router.quality.QualityModel`. Head 0 is the anchor tier's quality, the others are what it gains over the
    tiers below: gains are what decisions are made of, and they are learned better than differences of levels."""

    anchor: str
    """The highest tier that training knew."""
    lower: tuple[str, ...]
    """Tiers of the gain heads. A tier that is neither here nor the anchor is put in line with the others."""
    ensemble: Ensemble
    usual: Floats
    """Mean of the features in training, shape (len(NAMES),): what explanations compare a query with."""
    output_tokens: Floats
    """Mean length of each tier's answers, in the order of TIERS."""
    vocabulary: NDArray[np.uint8]
    """Bits of the tokens that training saw, packed."""
    longest: float
    """log(1 + characters) of training's longest query."""
    calibration: CalibrationSample
    """Predictions made out of fold."""
    card: Mapping[str, Any]
    """Where the model comes from: sources, counts, metrics, date, version."""

    def predict(self, request: RoutingRequest) -> Prediction:
        """See QualityModel.predict."""
        seen = view(request)
        if reason := self.why_not(seen):
            return RuleQuality(f"rules predict: {reason}").predict(request)
        quality = self.qualities(self.ensemble.predict(self.ensemble.votes(seen)))
        fallback = None
        if unknown := next((tier for tier in TIERS if tier not in quality), None):
            quality[unknown] = in_line(quality, unknown)
            fallback = f"training knew nothing of tier {unknown}, which is put in line with the others"
        limit = request.max_tokens or math.inf
        return Prediction(
            quality={tier: quality[tier] for tier in TIERS},
            output_tokens={tier: min(n, limit) for tier, n in zip(TIERS, self.output_tokens.tolist(), strict=True)},
            fallback=fallback,
        )

    def qualities(self, heads: Floats) -> dict[str, float]:
        """Quality by tier from the heads. Where a level would leave 0..1 all of them move, so that gains stay."""
        anchor, *gains = heads.tolist()
        levels = [anchor, *(anchor - min(max(gain, -1.0), 1.0) for gain in gains)]
        shift = max(0.0, -min(levels))
        shift -= max(0.0, max(levels) + shift - 1.0)
        return {
            tier: min(max(level + shift, 0.0), 1.0)
            for tier, level in zip((self.anchor, *self.lower), levels, strict=True)
        }

    def why_not(self, seen: View) -> str | None:
        """Why the request is too far from training for the model to speak; None when it is not."""
        if not len(seen.tokens):
            return "the query has no words"
        if seen.log_characters > self.longest + LENGTH_BEYOND:
            return "the query is far longer than any in training"
        bits = self.vocabulary[seen.tokens >> 3] >> (seen.tokens & 7) & 1
        if (known := float(bits.mean())) < KNOWN_SHARE:
            return f"training has seen only {known:.0%} of the query's words"
        return None

    def because(self, request: RoutingRequest) -> Contributions:
        """Parts of the anchor's gain over the lowest tier: what the query's length and wording say, and what the trees
        would say less were a feature as it usually is."""
        seen = view(request)
        if self.why_not(seen):
            return RuleQuality().because(request)
        ensemble, votes = self.ensemble, self.ensemble.votes(seen)
        trees = [votes.trees - ensemble.trees.predict(self._without(seen, place)) for place in range(len(NAMES))]
        parts = {name: SHARE * part[1] for name, part in zip(NAMES, trees, strict=True)}
        parts["length"] = LINEAR_SHARE * (votes.linear - ensemble.linear.intercept)[1]
        parts["wording"] = SHARE * (votes.words - ensemble.words.intercept)[1]
        greatest = sorted(parts.items(), key=lambda part: -abs(part[1]))[:TOLD]
        return tuple((name, float(part * ensemble.slope[1])) for name, part in greatest)

    def _without(self, seen: View, place: int) -> Floats:
        """The query's features, one of them as it usually is."""
        features = seen.features.copy()
        features[place] = self.usual[place]
        return features


def in_line(quality: Mapping[str, float], tier: str) -> float:
    """Quality of a tier from two others', where steps from tier to tier are alike; within 0..1."""
    (low, first), (high, second) = sorted((TIERS.index(known), value) for known, value in quality.items())
    level = first + (second - first) * (TIERS.index(tier) - low) / (high - low)
    return min(max(level, 0.0), 1.0)
