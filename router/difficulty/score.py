"""How hard a request is, from 0 (a greeting) to 1 (an olympiad problem), with what is uncertain about it.

The score learns an order: of two prompts of the same kind, which one a person calls harder. It knows nothing about any
model, so it stays valid when the models of a fleet change (docs/routing.md).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from router.difficulty.lexicon import Lexicon
from router.difficulty.wording import Wording, wording
from router.model.members import Floats, Hashed, Trees
from router.types import RoutingRequest

MIDDLE = 0.45
"""The difficulty of a request of which nothing is known."""
FAMILIAR, STRANGE = 0.9, 0.4
"""Shares of known runs of characters: above the first a request is like training, below the second nothing is known."""
UNKNOWN_SPREAD = 0.3
"""Standard deviation of the difficulty of a request of which nothing is known: that of the training prompts."""


@dataclass(frozen=True)
class Difficulty:
    """The difficulty of one request."""

    value: float
    """0..1; nearer to MIDDLE the less the request is like training."""
    spread: float
    """Standard deviation of the error of `value`."""
    familiar: float
    """0..1: how much the request is like training."""


@dataclass(frozen=True)
class DifficultyScore:
    """Small trees over lexical features and over what a linear model of n-grams says."""

    grams: Hashed
    """One head: the margin by which a prompt is harder than others."""
    trees: Trees
    """One head: the difficulty, from FEATURES."""
    line: Floats
    """Slope and offset that correct the trees' level and scale, shape (2,)."""
    spread: float
    """Standard deviation of the error on prompts that training has not seen."""
    lexicon: Lexicon
    vocabulary: NDArray[np.uint8]
    """Packed bits of the runs of characters that training has seen."""
    sample: Floats
    """Value, spread and prompt tokens of prompts that training has not seen, shape (prompts, 3)."""
    card: Mapping[str, Any]
    """Origin of the score: sources, counts, metrics, date."""

    def of(self, request: RoutingRequest) -> Difficulty:
        """Return the difficulty of a request. Pure, deterministic, never raises."""
        seen = wording(request, self.lexicon)
        slope, offset = self.line
        raw = float(self.trees.predict(np.append(seen.features, self.grams.predict(seen.grams)))[0])
        value = min(max(slope * raw + offset, 0.0), 1.0)
        familiar = self.familiar(seen)
        return Difficulty(
            value=MIDDLE + familiar * (value - MIDDLE),
            spread=familiar * self.spread + (1 - familiar) * UNKNOWN_SPREAD,
            familiar=familiar,
        )

    def familiar(self, seen: Wording) -> float:
        """Return how much a request is like training, 0..1, from the share of its runs of characters that are known."""
        if not len(seen.runs):
            return 0.0
        known = float((self.vocabulary[seen.runs >> 3] >> (seen.runs & 7) & 1).mean())
        return min(max((known - STRANGE) / (FAMILIAR - STRANGE), 0.0), 1.0)
