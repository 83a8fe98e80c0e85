"""From a pool's confidence to P(its answer is good), by what labels of the fleet say. Pure."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import numpy as np
from scipy.optimize import isotonic_regression

LEAST_LABELS = 50
"""With fewer labels of a pool, its confidence stays as it is."""
PRIOR_LABELS = 10.0
"""The confidence itself counts like so many labels, so that a few labels never make anything certain."""
MOST_STEPS = 64
"""A curve keeps no more points: it travels to every gateway replica twice a second."""


@dataclass(frozen=True)
class Graded:
    """One answer whose confidence and grade are known."""

    pool: str
    confidence: float
    """P(good) before calibration, 0..1."""
    good: float
    """0..1."""


@dataclass(frozen=True)
class Curve:
    """P(good) as a function of confidence that never falls, straight between its points."""

    confidence: tuple[float, ...]
    """Ascending."""
    chance: tuple[float, ...]
    labels: int
    """Labels behind the curve."""

    def at(self, confidence: float) -> float:
        """Return P(good), 0..1; constant beyond the first and the last point."""
        return float(np.interp(confidence, self.confidence, self.chance))


def curves(graded: Iterable[Graded]) -> dict[str, Curve]:
    """Return the curve of each pool with LEAST_LABELS labels.

    Isotonic regression (Zadrozny and Elkan, KDD 2002), shrunk towards the confidence itself.
    """
    by_pool: Mapping[str, list[Graded]] = defaultdict(list)
    for each in graded:
        by_pool[each.pool].append(each)
    return {pool: _curve(rows) for pool, rows in by_pool.items() if len(rows) >= LEAST_LABELS}


def _curve(rows: list[Graded]) -> Curve:
    rows = sorted(rows, key=lambda row: row.confidence)
    confidence = np.array([row.confidence for row in rows])
    weight = PRIOR_LABELS / len(rows)
    target = (np.array([row.good for row in rows]) + weight * confidence) / (1 + weight)
    chance = isotonic_regression(target).x
    kept = np.unique(np.linspace(0, len(rows) - 1, MOST_STEPS).round().astype(int))
    return Curve(tuple(confidence[kept].tolist()), tuple(chance[kept].tolist()), len(rows))
