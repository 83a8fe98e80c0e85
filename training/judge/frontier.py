"""Cost against quality: what a method's policies reach at every budget, beside fixed mixes and perfect choices.

RouterBench's measure (Hu et al. 2024, arXiv 2403.12031): the non-decreasing convex hull of a method's (mean cost, mean
quality) points, because a mix of two policies is a policy too, and more money never hurts.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]

LEAST_ROOM = 1e-9
"""Quality that perfect choices must be ahead of fixed mixes for a share of it to mean anything."""


def hull(cost: Array, quality: Array) -> list[int]:
    """Indexes of the points that no mix of other points beats, by rising cost and quality."""
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

    Beyond its last point the hull goes on flat; before its first one as well, so a method's points should contain the
    cheapest policy there is.
    """
    points = hull(cost, quality)
    at, height = cost[points], quality[points]
    budgets = np.concatenate(([low], at[(at > low) & (at < high)], [high]))
    return float(np.trapezoid(np.interp(budgets, at, height), budgets) / (high - low))


def gain_share(method: float, static: float, oracle: float) -> float | None:
    """Share of what perfect choices gain over fixed mixes that a method gains: (AIQ - static) / (oracle - static).

    0 is the best mix that does not look at the query, 1 the oracle; None where the oracle gains nothing.
    """
    return (method - static) / (oracle - static) if oracle - static > LEAST_ROOM else None


def _slope(cost: Array, quality: Array, low: int, high: int) -> float:
    """Quality per cost between two points; straight up where both cost the same."""
    distance = cost[high] - cost[low]
    return float((quality[high] - quality[low]) / distance) if distance > 0 else float("inf")
