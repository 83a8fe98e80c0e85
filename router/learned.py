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
class Ensemble:
    """Four members, each predicting every head; their mean, set right by a line per head, counts."""

    linear: Linear
    words: Hashed
    bytes: Hashed
    trees: Trees
    slope: Floats
    """Shape (heads,); fitted on queries that the members had not seen."""
    offset: Floats

    def raw(self, seen: View) -> Floats:
        """Mean of the members before it is set right, shape (heads,)."""
        return (
            self.linear.predict(seen.features)
            + self.words.predict(seen.words)
            + self.bytes.predict(seen.bytes)
            + self.trees.predict(seen.features)
        ) / 4

    def predict(self, seen: View) -> Floats:
        """Shape (heads,)."""
        return self.raw(seen) * self.slope + self.offset


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
        quality = self.qualities(self.ensemble.predict(seen))
        fallback = None
        if unknown := [tier for tier in TIERS if tier not in quality]:
            quality |= {tier: RuleQuality().predict(request).quality[tier] for tier in unknown}
            fallback = f"training knew nothing of tier {', '.join(unknown)}"
        lengths = np.exp(np.minimum(self.log_tokens.predict(seen.features), 12.0))
        limit = request.max_tokens or math.inf
        return Prediction(
            quality={tier: quality[tier] for tier in TIERS},
            output_tokens={tier: float(min(max(n, 1.0), limit)) for tier, n in zip(TIERS, lengths, strict=True)},
            because=self._because(seen),
            fallback=fallback,
        )

    def qualities(self, heads: Floats) -> dict[str, float]:
        """Quality by tier from the heads. Where a level would leave 0..1 all of them move, so that gains stay."""
        gains = np.clip(heads[1:], -1.0, 1.0)
        levels = heads[0] - np.concatenate(((0.0,), gains))
        levels = levels + max(0.0, -levels.min())
        levels = levels - max(0.0, levels.max() - 1.0)
        return dict(zip((self.anchor, *self.lower), np.clip(levels, 0.0, 1.0).tolist(), strict=True))

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

    def _because(self, seen: View) -> tuple[tuple[str, float], ...]:
        """The greatest parts of the anchor's gain over the lowest tier, in quality."""
        ensemble = self.ensemble
        head = 1 if self.lower else 0
        parts = ensemble.linear.parts(seen.features)[head]
        top = np.argpartition(-np.abs(parts), TOLD_FEATURES)[:TOLD_FEATURES]
        told = [(NAMES[index], float(parts[index])) for index in top]
        for name, member, counts in (("wording", ensemble.words, seen.words), ("spelling", ensemble.bytes, seen.bytes)):
            told.append((name, float((member.predict(counts) - member.intercept)[head])))
        scale = float(ensemble.slope[head]) / 4
        return tuple(sorted(((name, part * scale) for name, part in told), key=lambda told_part: -abs(told_part[1])))
