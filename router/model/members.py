"""The members of the learned ensemble as arrays: each turns a request's view into one number per head, fast.

A head is one thing to predict (a tier's quality, or what one tier gains over another).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from router.model.ngrams import Counts

Floats = NDArray[np.float64]
CLIP = 4.0
"""Standard deviations beyond which a feature says no more to a linear member."""


@dataclass(frozen=True)
class Linear:
    """Ridge regression on some of the features, standardised."""

    places: NDArray[np.intp]
    """Of those features among all."""
    mean: Floats
    """Shape (len(places),)."""
    scale: Floats
    """Same shape; 0 switches a feature off that never varied in training."""
    weights: Floats
    """Shape (heads, len(places))."""
    intercept: Floats
    """Shape (heads,)."""

    def predict(self, features: Floats) -> Floats:
        """Shape (heads,)."""
        standardised = (features[self.places] - self.mean) * self.scale
        predicted: Floats = self.weights @ np.minimum(np.maximum(standardised, -CLIP), CLIP) + self.intercept
        return predicted


@dataclass(frozen=True)
class Hashed:
    """Ridge regression on tf-idf weighted, hashed n-grams."""

    idf: NDArray[np.float32]
    """Shape (buckets,); single precision, because decisions wait for memory."""
    weights: NDArray[np.float32]
    """Shape (buckets, heads): a bucket's weights lie side by side."""
    intercept: Floats
    """Shape (heads,)."""

    def predict(self, counts: Counts) -> Floats:
        """Shape (heads,)."""
        predicted: Floats = counts.weighted(self.idf) @ self.weights[counts.buckets] + self.intercept
        return predicted


@dataclass(frozen=True)
class Trees:
    """Boosted regression trees, all of them evaluated at once.

    Each split that a request fails strikes out the leaves of its left branch; the leftmost leaf that is left over is
    where the request ends (QuickScorer, Lucchese et al., SIGIR 2015). A tree has at most 16 leaves; one with fewer is
    filled up with splits that nobody fails.
    """

    feature: NDArray[np.intp]
    """Feature of each split, shape (15, trees)."""
    threshold: Floats
    """A request goes left where its feature is not greater. Same shape."""
    left: NDArray[np.uint16]
    """Bits of the leaves that stay when the request goes right. Same shape."""
    leaves: Floats
    """Value of each leaf, shape (trees, 16)."""
    heads: NDArray[np.intp]
    """First tree of each head, shape (heads,)."""

    def predict(self, features: Floats) -> Floats:
        """Shape (heads,)."""
        passed = features[self.feature] <= self.threshold
        kept = np.multiply(passed, ALL_LEAVES) | self.left
        left_over = np.bitwise_and.reduce(kept, axis=0)
        lowest = left_over & (~left_over + ONE)
        sums: Floats = np.add.reduceat(self.leaves[np.arange(len(lowest)), LEAF_OF[lowest]], self.heads)
        return sums


MAX_LEAVES = 16
MAX_SPLITS = MAX_LEAVES - 1
ALL_LEAVES = np.uint16(0xFFFF)
ONE = np.uint16(1)
LEAF_OF = np.zeros(1 << MAX_LEAVES, dtype=np.uint8)
"""Place of a lone bit."""
LEAF_OF[[1 << place for place in range(MAX_LEAVES)]] = range(MAX_LEAVES)
