"""Fits the order of gains that ships: which requests gain from a stronger model, over many pairs of models."""

from __future__ import annotations

from collections.abc import Sequence

import lightgbm
import numpy as np

from cluster.pool import TIERS
from router.model.adapted import GainOrder
from router.model.learned import view
from router.model.members import Floats
from training.fit.members import SIZE, fit_linear
from training.fit.trees import as_trees
from training.outcomes import Outcome

TREES = {
    "objective": "regression",
    "num_leaves": 4,
    "learning_rate": 0.04,
    "min_data_in_leaf": 150,
    "feature_fraction": 0.3,
    "bagging_fraction": 0.7,
    "bagging_freq": 1,
    "num_threads": 1,
    "deterministic": True,
    "verbose": -1,
}
"""Small trees: what they learn has to hold for data sets that training has not seen (docs/routing.md)."""
ROUNDS, DRAWS = 45, 3
MOST_ROWS = 2_500
"""Rows of a data set that are used, so that no set decides."""


def fit_gains(sets: Sequence[Sequence[Outcome]], seed: int = 0) -> GainOrder:
    """Fit the order of gains to data sets with outcomes of different pairs of models.

    The gain of a row is the quality of its highest tier minus that of its lowest. Only its order within the data set is
    learned. A set's weight grows with the square root of its size.

    Raises:
        ValueError: no set has rows with two tiers.
    """
    features, targets, weights = [], [], []
    for outcomes in sets:
        graded = [outcome for outcome in outcomes if len(outcome.quality) > 1]
        drawn = np.random.default_rng(seed).permutation(len(graded))[:MOST_ROWS]
        gains = np.array([gain_of(graded[row]) for row in drawn])
        if not len(gains) or gains.std() == 0:
            continue
        features += [view(graded[row].request).features for row in drawn]
        targets += list((gains - gains.mean()) / gains.std())
        weights += [len(gains) ** -0.5] * len(gains)
    if not features:
        raise ValueError("no set has outcomes of two tiers: grade the same queries on each tier")
    x, y, weight = np.array(features), np.array(targets), np.array(weights)
    return GainOrder(linear=fit_linear(x, y[:, None], SIZE), trees=as_trees([_boosted(x, y, weight, seed)]))


def gain_of(outcome: Outcome) -> float:
    """Quality that a row's highest tier adds to its lowest tier's."""
    known = [outcome.quality[tier] for tier in TIERS if tier in outcome.quality]
    return known[-1] - known[0]


def _boosted(x: Floats, y: Floats, weight: Floats, seed: int) -> list[dict[str, object]]:
    seeds = range(seed * DRAWS, (seed + 1) * DRAWS)
    data = lightgbm.Dataset(x, y, weight=weight, free_raw_data=False)
    return [lightgbm.train(TREES | {"seed": each}, data, ROUNDS).dump_model() for each in seeds]
