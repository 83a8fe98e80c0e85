"""Policies of a routing method: each row of a policy array gives the tier (column) that answers each query.

Columns are tiers by rising mean cost. A method's scores or predictions become policies from cheap to expensive.
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
Choices = NDArray[np.intp]

THRESHOLDS = 11
"""As in RouteLLM: thresholds divide the scores into ten equal parts."""
LAMBDAS = 21
"""A hull picks the best of its points in hindsight, so with more points, chance seems to gain more."""


def threshold_policies(score: Array, low: int, high: int) -> Choices:
    """Column `high` for scores from a threshold on, else `low`; shares of `high` rise from 0 to 1.

    Thresholds are quantiles of the scores. Queries of equal score go to the same tier. Straight lines between policies
    on a curve are what a random choice between the two policies gives.

    Returns:
        shape (12, queries): all `low`, then one policy for each threshold, highest first.
    """
    cuts = np.quantile(score, np.linspace(1, 0, THRESHOLDS))
    none = np.zeros((1, len(score)), dtype=bool)
    return np.where(np.concatenate((none, score >= cuts[:, None])), high, low)


def mix_policies(score: Array, columns: list[int]) -> Choices:
    """Thresholds between neighbours in `columns`: fixed mixes of tiers, ordered by a score."""
    if len(columns) == 1:
        return np.full((1, len(score)), columns[0])
    pairs = pairwise(columns)
    return np.concatenate([threshold_policies(score, low, high) for low, high in pairs])


def lambda_policies(quality: Array, cost: Array) -> Choices:
    """argmax of quality - lambda x cost, for lambdas from infinity to 0; ties go to the cheaper column.

    Lambdas are quantiles of the values at which some query changes its tier. So the result depends neither on the
    currency nor on the number of tiers.

    Args:
        quality: predicted, shape (queries, tiers).
        cost: expected, same shape.
    """
    cheapest = np.zeros((1, len(quality)), dtype=np.intp)
    changes = _changes(quality, cost)
    if not len(changes):
        return np.concatenate((cheapest, quality.argmax(axis=1)[None]))
    steps = np.concatenate((np.quantile(changes, np.linspace(1, 0, LAMBDAS)), [0.0]))
    return np.concatenate((cheapest, [(quality - step * cost).argmax(axis=1) for step in steps]))


def _changes(quality: Array, cost: Array) -> Array:
    """Lambdas > 0 above which the more expensive of two tiers is not worth its cost."""
    found = []
    for low in range(quality.shape[1]):
        for high in range(low + 1, quality.shape[1]):
            gain, price = quality[:, high] - quality[:, low], cost[:, high] - cost[:, low]
            worth = (gain > 0) & (price > 0)
            found.append(gain[worth] / price[worth])
    return np.concatenate(found)
