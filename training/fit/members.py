"""Fits the members of the quality ensemble to targets. Targets have a column per head; NaN means unknown."""

from __future__ import annotations

from collections.abc import Sequence

import lightgbm
import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix
from scipy.sparse.linalg import lsqr

from cluster.pool import TIERS
from router.model.learned import VOCABULARY, Ensemble, View
from router.model.lexical import NAMES
from router.model.members import CLIP, Floats, Hashed, Linear, Trees
from router.model.ngrams import BUCKETS, Counts
from router.quality import RULE_OUTPUT_TOKENS
from training.fit.trees import as_trees
from training.outcomes import Outcome

SIZE = np.array([NAMES.index(name) for name in ("characters", "words")])
"""Columns of the features of query length: weak features, but valid for queries unlike all training queries too."""
LEAST_LABELS = 200
"""Minimum labelled queries of a tier."""
FEW_LABELS = 3_000
"""With fewer labels, trees are smaller and calibration uses every row."""
LINEAR_PENALTY = 100.0
WORDS_PENALTY = 6.0
"""Ridge penalties, found by cross-validation on public MMLU outcomes (docs/routing.md)."""
TREES = {
    "objective": "regression",
    "learning_rate": 0.03,
    "bagging_fraction": 0.7,
    "bagging_freq": 1,
    "lambda_l2": 10.0,
    "num_threads": 1,
    "deterministic": True,
    "verbose": -1,
}
TREES_FEW = {"num_leaves": 7, "min_data_in_leaf": 30, "feature_fraction": 0.2}
TREES_MANY = {"num_leaves": 15, "min_data_in_leaf": 40, "feature_fraction": 0.3}
ROUNDS_FEW, ROUNDS_MANY = 120, 250
DRAWS_FEW = 3
"""Boosted models that are averaged with few labels, where chance has a large effect on the trees."""


def fit_ensemble(views: Sequence[View], targets: Floats, seed: int, places: NDArray[np.intp] = SIZE) -> Ensemble:
    """The members, without calibration.

    Args:
        places: columns of the features that the linear member sees.
    """
    features = np.array([seen.features for seen in views])
    heads = targets.shape[1]
    return Ensemble(
        linear=fit_linear(features, targets, places),
        words=_fit_hashed([seen.words for seen in views], targets),
        trees=_fit_trees(features, targets, seed),
        slope=np.ones(heads),
        offset=np.zeros(heads),
    )


def raw(ensemble: Ensemble, seen: View) -> Floats:
    """An ensemble's prediction for one request before calibration, shape (heads,)."""
    return ensemble.raw(ensemble.votes(seen))


def fit_linear(features: Floats, targets: Floats, places: NDArray[np.intp]) -> Linear:
    chosen = features[:, places]
    mean, spread = chosen.mean(axis=0), chosen.std(axis=0)
    scale = np.divide(1.0, spread, out=np.zeros_like(spread), where=spread > 1e-9)
    rows = np.clip((chosen - mean) * scale, -CLIP, CLIP)
    weights, intercepts = [], []
    for target in targets.T:
        known = np.isfinite(target)
        x, y = rows[known], target[known]
        centred = x - x.mean(axis=0)
        normal = centred.T @ centred + LINEAR_PENALTY * np.eye(x.shape[1])
        weights.append(np.linalg.solve(normal, centred.T @ (y - y.mean())))
        intercepts.append(float(y.mean() - x.mean(axis=0) @ weights[-1]))
    return Linear(places, mean, scale, np.array(weights), np.array(intercepts))


def _fit_hashed(counts: Sequence[Counts], targets: Floats) -> Hashed:
    found: NDArray[np.int64] = np.zeros(BUCKETS, dtype=np.int64)
    for each in counts:
        found[each.buckets] += 1
    least = 3 if len(counts) >= FEW_LABELS else 2
    idf = np.where(found >= least, 1 + np.log((1 + len(counts)) / (1 + found)), 0.0).astype(np.float32)
    ends = np.cumsum([0, *(len(each.buckets) for each in counts)])
    buckets = np.concatenate([each.buckets for each in counts])
    values = np.concatenate([each.weighted(idf) for each in counts])
    matrix = csr_matrix((values, buckets, ends), (len(counts), BUCKETS))
    weights, intercepts = [], []
    for target in targets.T:
        known = np.flatnonzero(np.isfinite(target))
        mean = float(target[known].mean())
        fitted = lsqr(
            matrix[known], target[known] - mean, damp=np.sqrt(WORDS_PENALTY), atol=1e-4, btol=1e-4, iter_lim=60
        )
        weights.append(fitted[0])
        intercepts.append(mean)
    return Hashed(idf, np.array(weights, dtype=np.float32).T.copy(), np.array(intercepts))


def _fit_trees(features: Floats, targets: Floats, seed: int) -> Trees:
    boosted = []
    for target in targets.T:
        known = np.isfinite(target)
        x, y = features[known], target[known]
        few = len(y) < FEW_LABELS
        chosen = TREES | (TREES_FEW if few else TREES_MANY)
        rounds, draws = (ROUNDS_FEW, DRAWS_FEW) if few else (ROUNDS_MANY, 1)
        seeds = [seed * DRAWS_FEW + draw for draw in range(draws)]
        models = [lightgbm.train(chosen | {"seed": each}, lightgbm.Dataset(x, y), rounds) for each in seeds]
        boosted.append([model.dump_model() for model in models])
    return as_trees(boosted)


def mean_lengths(outcomes: Sequence[Outcome], least: int = LEAST_LABELS) -> Floats:
    """Mean tokens of each tier's answers, at least 1.

    A tier with fewer than `least` answers gets the mean of the others, or the default. The length of a single answer
    is not predicted: routing by such predictions was worse.
    """
    lengths = np.array([[outcome.output_tokens.get(tier, np.nan) for tier in TIERS] for outcome in outcomes])
    known = np.isfinite(lengths).sum(axis=0) >= least
    means = np.full(len(TIERS), RULE_OUTPUT_TOKENS)
    if known.any():
        means[known] = np.nanmean(lengths[:, known], axis=0)
        means[~known] = means[known].mean()
    return np.array([max(mean, 1.0) for mean in means.tolist()])


def vocabulary_of(views: Sequence[View]) -> NDArray[np.uint8]:
    """Bits of all tokens in the views, packed."""
    known = np.zeros(VOCABULARY, dtype=np.uint8)
    for seen in views:
        known[seen.tokens] = 1
    return np.packbits(known, bitorder="little")
