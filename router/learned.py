"""The learned quality model: an ensemble over a request's lexical features, word patterns and spelling."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cluster.pool import TIERS
from router.lexical import NAMES, lexical
from router.members import Floats, Hashed, Linear, Trees
from router.ngrams import Counts, byte_ngrams, token_hashes, word_ngrams
from router.quality import RuleQuality
from router.reading import read
from router.types import CalibrationSample, Prediction, RoutingRequest

VOCABULARY = 1 << 17
"""Bits of the set of known tokens."""
KNOWN_SHARE = 0.4
"""Of a request's tokens, the share that training must have seen for the model to speak; other languages have less."""
LENGTH_BEYOND = 1.5
"""Natural logarithm of how many times longer than training's longest a query may be (e**1.5 is 4.5 times)."""
TOLD_FEATURES = 4
MEMBERS = 4


@dataclass(frozen=True)
class View:
    """What the members see of one request."""

    features: Floats
    """Shape (len(NAMES),)."""
    words: Counts
    bytes: Counts
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
        byte_ngrams(reading.text),
        (hashes % np.uint64(VOCABULARY)).astype(np.intp),
        math.log1p(len(request.text)),
    )


@dataclass(frozen=True)
class Votes:
    """What the members of an ensemble say of one request."""

    linear: Floats
    """By feature, shape (heads, features)."""
    words: Floats
    """Shape (heads,), as the following."""
    bytes: Floats
    trees: Floats


@dataclass(frozen=True)
class Ensemble:
    """Four members, each predicting every head; their mean, set right by a line per head, counts."""

    linear: Linear
    words: Hashed
    bytes: Hashed
    trees: Trees
    slope: Floats
    """Shape (heads,); fitted on queries that the members had not seen."""
    offset: Floats

    def votes(self, seen: View) -> Votes:
        """What each member says."""
        return Votes(
            self.linear.parts(seen.features),
            self.words.predict(seen.words),
            self.bytes.predict(seen.bytes),
            self.trees.predict(seen.features),
        )

    def raw(self, votes: Votes) -> Floats:
        """Mean of the members before it is set right, shape (heads,)."""
        linear = votes.linear.sum(axis=1) + self.linear.intercept
        mean: Floats = (linear + votes.words + votes.bytes + votes.trees) / MEMBERS
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
    """Tiers of the gain heads. Tiers that are neither here nor the anchor are judged by rules."""
    ensemble: Ensemble
    log_tokens: Linear
    """Logarithm of the answer's tokens; a head for each tier of TIERS."""
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
            return RuleQuality(reason).predict(request)
        votes = self.ensemble.votes(seen)
        quality = self.qualities(self.ensemble.predict(votes))
        fallback = None
        if unknown := [tier for tier in TIERS if tier not in quality]:
            ruled = RuleQuality().predict(request).quality
            quality |= {tier: ruled[tier] for tier in unknown}
            fallback = f"training knew nothing of tier {', '.join(unknown)}"
        lengths = [math.exp(min(length, 12.0)) for length in self.log_tokens.predict(seen.features).tolist()]
        limit = request.max_tokens or math.inf
        return Prediction(
            quality={tier: quality[tier] for tier in TIERS},
            output_tokens={tier: min(max(n, 1.0), limit) for tier, n in zip(TIERS, lengths, strict=True)},
            because=self._because(votes),
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

    def _because(self, votes: Votes) -> tuple[tuple[str, float], ...]:
        """The greatest parts of the anchor's gain over the lowest tier, in quality."""
        ensemble = self.ensemble
        parts = votes.linear[1]
        top = np.abs(parts).argsort()[-TOLD_FEATURES:].tolist()
        told = [(NAMES[index], float(parts[index])) for index in top]
        told.append(("wording", float(votes.words[1] - ensemble.words.intercept[1])))
        told.append(("spelling", float(votes.bytes[1] - ensemble.bytes.intercept[1])))
        scale = float(ensemble.slope[1]) / MEMBERS
        told.sort(key=lambda part: -abs(part[1]))
        return tuple((name, part * scale) for name, part in told)
