"""Cost against quality: what a method's policies reach at every budget, compared with fixed mixes and perfect choices.

The measure is RouterBench's (Hu et al. 2024, arXiv 2403.12031): the non-decreasing convex hull of a method's points of
mean cost and mean quality. A mix of two policies is a policy too, and a higher budget never hurts.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

LEAST_ROOM = 1e-9
"""Minimum lead of perfect choices over fixed mixes; below it, a share of the lead has no meaning."""


def hull(cost: Array, quality: Array) -> list[int]:
    """Indexes of the points that no mix of other points beats, in order of rising cost and quality."""
    kept: list[int] = []
    for point in np.lexsort((-quality, cost)):
        if kept and quality[point] <= quality[kept[-1]]:
            continue
        while len(kept) > 1 and _slope(cost, quality, kept[-2], kept[-1]) <= _slope(cost, quality, kept[-2], point):
            kept.pop()
        kept.append(int(point))
    return kept


def aiq(cost: Array, quality: Array, low: float, high: float) -> float:
    """Average improvement in quality: the hull's mean height over budgets from low to high, in units of quality.

    The hull is flat after its last point and before its first one, so a method's points should contain the cheapest
    policy.
    """
    points = hull(cost, quality)
    at, height = cost[points], quality[points]
    budgets = np.concatenate(([low], at[(at > low) & (at < high)], [high]))
    return float(np.trapezoid(np.interp(budgets, at, height), budgets) / (high - low))


def gain_share(method: float, static: float, oracle: float) -> float | None:
    """A method's share of what perfect choices gain over fixed mixes: (AIQ - static) / (oracle - static).

    0 is the best mix that ignores the query, 1 is the oracle. None if the oracle gains nothing.
    """
    return (method - static) / (oracle - static) if oracle - static > LEAST_ROOM else None


def _slope(cost: Array, quality: Array, low: int, high: int) -> float:
    """Quality per cost between two points; infinite if both cost the same."""
    distance = cost[high] - cost[low]
    return float((quality[high] - quality[low]) / distance) if distance > 0 else float("inf")
