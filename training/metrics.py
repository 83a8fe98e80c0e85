"""Quality of a ranking of queries, and calibration of predicted probabilities. Pure functions of numbers.

Gap metrics follow RouteLLM (Ong et al. 2024, arXiv 2406.18665). A curve gives quality over the share of queries that
the strong tier answers, from none to all. The curve's two ends are the quality of the weak and of the strong tier.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

RELIABILITY_BINS = 15
LEAST_GAP = 1e-9
"""Minimum quality gap between strong and weak; below it there is no gap to recover."""


def apgr(share: Array, quality: Array) -> float | None:
    """Average performance gap recovered: PGR = (quality - weak) / (strong - weak), averaged over shares 0..1.

    The average is the trapezoid area under the curve. Chance reaches 0.5. None if strong is not better.

    Args:
        share: share of queries that the strong tier answers, rising from 0 to 1.
        quality: mean quality at each share.
    """
    gap = float(quality[-1] - quality[0])
    if gap < LEAST_GAP:
        return None
    return float(np.trapezoid((quality - quality[0]) / gap, share))


def cpt(share: Array, quality: Array, target: float) -> float | None:
    """Call-performance threshold: the smallest share (0..1) of strong calls that recovers `target` (0..1) of the gap.

    Interpolated linearly between the curve's points, where the curve first reaches the target.
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
    """Mean prediction, mean outcome and count of each bin. Bins have equal counts; equal predictions share a bin."""
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
