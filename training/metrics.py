"""How good a ranking of queries is, and how true predicted probabilities are. Pure functions of numbers.

Gap metrics follow RouteLLM (Ong et al. 2024, arXiv 2406.18665): a curve gives quality over the share of queries that
the strong tier answers, from none to all of them; weak and strong are the curve's two ends.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

RELIABILITY_BINS = 15
LEAST_GAP = 1e-9
"""Quality that strong must be ahead of weak; where it is not, there is no gap to recover."""


def apgr(share: Array, quality: Array) -> float | None:
    """Average performance gap recovered: PGR = (quality - weak) / (strong - weak), averaged over shares 0..1.

    The average is the trapezoid area under the curve. 0.5 is what chance reaches. None where strong is not better.

    Args:
        share: of queries that the strong tier answers, rising from 0 to 1.
        quality: mean quality at each share.
    """
    gap = float(quality[-1] - quality[0])
    if gap < LEAST_GAP:
        return None
    return float(np.trapezoid((quality - quality[0]) / gap, share))


def cpt(share: Array, quality: Array, target: float) -> float | None:
    """Call-performance threshold: the least share (0..1) of strong calls that recovers `target` (0..1) of the gap.

    Read off the straight lines between the curve's points, where they first reach the target.
    """
    gap = float(quality[-1] - quality[0])
    if gap < LEAST_GAP:
        return None
    recovered = (quality - quality[0]) / gap
    first = int(np.argmax(recovered >= target))
    if first == 0:
        return float(share[0])
    ends = slice(first - 1, first + 1)
    return float(np.interp(target, recovered[ends], share[ends]))


def reliability(predicted: Array, actual: Array, bins: int = RELIABILITY_BINS) -> tuple[Array, Array, Array]:
    """Mean prediction, mean outcome and count of each bin; bins hold equally many rows, equal predictions share one."""
    edges = np.unique(np.quantile(predicted, np.linspace(0, 1, bins + 1)[1:-1]))
    place = np.searchsorted(edges, predicted, side="right")
    count = np.bincount(place, minlength=len(edges) + 1).astype(float)
    filled = count > 0
    said = np.bincount(place, predicted, len(count))[filled] / count[filled]
    was = np.bincount(place, actual, len(count))[filled] / count[filled]
    return said, was, count[filled]


def ece(predicted: Array, actual: Array, bins: int = RELIABILITY_BINS) -> float:
    """Expected calibration error, 0..1: the mean distance of prediction and outcome over equal-mass bins (Naeini et
    al. 2015; equal mass as in Nguyen and O'Connor 2015)."""
    said, was, count = reliability(predicted, actual, bins)
    return float(np.sum(count * np.abs(said - was)) / np.sum(count))
