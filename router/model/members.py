"""The members of the learned ensemble as arrays. Each maps a request's view to one number per head, fast.

A head is one predicted quantity: a tier's quality, or the gain of one tier over another.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from router.model.ngrams import Counts

Floats = NDArray[np.float64]
CLIP = 4.0
"""Limit of a standardised feature in the linear member, in standard deviations."""


@dataclass(frozen=True)
class Linear:
    """Ridge regression on some of the features, standardised."""

    places: NDArray[np.intp]
    """Indices of the used features, shape (features used,)."""
    mean: Floats
    """Shape (len(places),)."""
    scale: Floats
    """Factor of each feature, same shape; 0 switches off a feature that never varied in training."""
    weights: Floats
    """Shape (heads, len(places))."""
    intercept: Floats
    """Shape (heads,)."""

    def predict(self, features: Floats) -> Floats:
        """Return the prediction of each head, shape (heads,)."""
        standardised = (features[self.places] - self.mean) * self.scale
        predicted: Floats = self.weights @ np.minimum(np.maximum(standardised, -CLIP), CLIP) + self.intercept
        return predicted


@dataclass(frozen=True)
class Hashed:
    """Ridge regression on tf-idf weighted, hashed n-grams."""

    idf: NDArray[np.float32]
    """Shape (buckets,); single precision, because memory access limits the speed of a decision."""
    weights: NDArray[np.float32]
    """Shape (buckets, heads): the weights of a bucket are adjacent in memory."""
    intercept: Floats
    """Shape (heads,)."""

    def predict(self, counts: Counts) -> Floats:
        """Return the prediction of each head, shape (heads,)."""
        predicted: Floats = counts.weighted(self.idf) @ self.weights[counts.buckets] + self.intercept
        return predicted


@dataclass(frozen=True)
class Trees:
    """Boosted regression trees, all evaluated at once.

    Each split that a request fails removes the leaves of its left branch. The request ends in the leftmost leaf that
    remains (QuickScorer, Lucchese et al., SIGIR 2015). A tree has at most 16 leaves; a smaller tree is padded with
    splits that every request passes.
    """

    feature: NDArray[np.intp]
    """Feature of each split, shape (15, trees)."""
    threshold: Floats
    """A request goes left if its feature is not larger. Same shape."""
    left: NDArray[np.uint16]
    """Bits of the leaves that remain if the request goes right. Same shape."""
    leaves: Floats
    """Value of each leaf, shape (trees, 16)."""
    heads: NDArray[np.intp]
    """Index of the first tree of each head, shape (heads,)."""

    def predict(self, features: Floats) -> Floats:
        """Return the prediction of each head, shape (heads,)."""
        passed = features[self.feature] <= self.threshold
        kept = np.multiply(passed, ALL_LEAVES) | self.left
        remaining = np.bitwise_and.reduce(kept, axis=0)
        lowest = remaining & (~remaining + ONE)
        sums: Floats = np.add.reduceat(self.leaves[np.arange(len(lowest)), LEAF_OF[lowest]], self.heads)
        return sums


MAX_LEAVES = 16
MAX_SPLITS = MAX_LEAVES - 1
ALL_LEAVES = np.uint16(0xFFFF)
ONE = np.uint16(1)
LEAF_OF = np.zeros(1 << MAX_LEAVES, dtype=np.uint8)
"""Position of a single set bit."""
LEAF_OF[[1 << place for place in range(MAX_LEAVES)]] = range(MAX_LEAVES)
