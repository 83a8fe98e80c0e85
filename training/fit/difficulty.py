"""Trains the difficulty score on labelled prompts. Deterministic: the same prompts and seed give the same score."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from typing import Any

import lightgbm
import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.sparse import csr_matrix

from router.difficulty.lexicon import Lexicon
from router.difficulty.score import DifficultyScore
from router.difficulty.wording import VOCABULARY_BITS, Wording, wording
from router.labels import normalised
from router.model.members import Floats, Hashed
from router.model.ngrams import BUCKETS, Counts
from training.difficulty_prompts import LabelledPrompt, kind_of
from training.fit.trees import as_trees

GAP = 0.12
"""Least difference of two labels that makes a pair: sources are one person's judgement (training/prompts/README.md)."""
PARTNERS, STRANGERS = 20, 5
"""Prompts that each prompt is compared with: of the same kind, and of any kind."""
GROUP_WEIGHT = 20.0
"""Weight of two prompts on one topic, whose order is beyond dispute, compared with any other pair."""
PENALTY = 3e-5
"""Ridge penalty of the linear member, by cross-validation."""
STEPS = 120
"""Steps of the optimiser."""
TREES = {
    "objective": "regression",
    "num_leaves": 15,
    "learning_rate": 0.05,
    "min_data_in_leaf": 30,
    "feature_fraction": 0.4,
    "num_threads": 1,
    "deterministic": True,
    "verbose": -1,
}
ROUNDS = 300
OWN_WEIGHT = 1.5
"""Weight of a prompt that we wrote, in the trees: public prompts come from few sources and repeat their form."""
FOLDS = 4
SAMPLE = 500
"""Prompts of the calibration sample."""


def train_score(
    prompts: Sequence[LabelledPrompt], lexicon: Lexicon, seed: int = 0, card: Mapping[str, Any] | None = None
) -> DifficultyScore:
    """Train on labelled prompts.

    Args:
        card: facts about the sources for the training card; results are added.
    """
    seen = [wording(prompt.request, lexicon) for prompt in prompts]
    labels = np.array([prompt.difficulty for prompt in prompts])
    folds = _folds(prompts, seed)
    margins = _held_out_margins(prompts, seen, folds, seed)
    features = np.column_stack(([each.features for each in seen], margins))
    weights = np.array([OWN_WEIGHT if prompt.group else 1.0 for prompt in prompts])
    raw = _held_out_trees(features, labels, weights, folds, seed)
    line = np.polyfit(raw, labels, 1)
    values = np.clip(np.polyval(line, raw), 0, 1)
    spread = float(np.std(labels - values))
    chosen = np.random.default_rng(seed).permutation(len(prompts))[:SAMPLE]
    tokens = [float(prompts[row].request.prompt_tokens) for row in chosen]
    results = {"prompts": len(prompts), "order": order_by_kind(prompts, values), "spread": spread}
    return DifficultyScore(
        grams=_fit_grams(prompts, [each.grams for each in seen], seed),
        trees=as_trees([[_boosted(features, labels, weights, seed).dump_model()]]),
        line=line,
        spread=spread,
        lexicon=lexicon,
        vocabulary=_vocabulary(seen),
        sample=np.column_stack((values[chosen], np.full(len(chosen), spread), tokens)),
        card=dict(card or {}) | results,
    )


def _folds(prompts: Sequence[LabelledPrompt], seed: int) -> NDArray[np.intp]:
    """The fold of each prompt; prompts of one group, and prompts that begin alike, are in one fold."""
    names = [prompt.group or normalised(prompt.request.text)[:50] for prompt in prompts]
    places = {name: place for place, name in enumerate(dict.fromkeys(names))}
    fold_of = np.random.default_rng(seed).integers(0, FOLDS, len(places))
    return np.array([fold_of[places[name]] for name in names])


def _held_out_margins(
    prompts: Sequence[LabelledPrompt], seen: Sequence[Wording], folds: NDArray[np.intp], seed: int
) -> Floats:
    """What the n-grams say of each prompt when they have not seen its fold: the trees learn how far to trust them."""
    margins = np.zeros(len(prompts))
    for fold in range(FOLDS):
        taught = np.flatnonzero(folds != fold)
        grams = _fit_grams([prompts[row] for row in taught], [seen[row].grams for row in taught], seed)
        for row in np.flatnonzero(folds == fold):
            margins[row] = grams.predict(seen[row].grams)[0]
    return margins


def _held_out_trees(features: Floats, labels: Floats, weights: Floats, folds: NDArray[np.intp], seed: int) -> Floats:
    """The trees' prediction for each prompt when they have not seen its fold."""
    raw = np.zeros(len(labels))
    for fold in range(FOLDS):
        taught = folds != fold
        raw[~taught] = _boosted(features[taught], labels[taught], weights[taught], seed).predict(features[~taught])
    return raw


def _boosted(features: Floats, labels: Floats, weights: Floats, seed: int) -> lightgbm.Booster:
    return lightgbm.train(TREES | {"seed": seed}, lightgbm.Dataset(features, labels, weight=weights), ROUNDS)


def order_by_kind(prompts: Sequence[LabelledPrompt], values: Floats) -> dict[str, float]:
    """P(the harder of two prompts has the higher value) by domain and by language, ties counting half.

    A kind with fewer than 30 pairs is left out.
    """
    labels = np.array([prompt.difficulty for prompt in prompts])
    kinds: dict[str, list[int]] = defaultdict(list)
    for row, prompt in enumerate(prompts):
        kinds[prompt.domain].append(row)
        kinds[f"language {prompt.lang}"].append(row)
    result = {}
    for kind, rows in sorted(kinds.items()):
        harder = labels[rows][:, None] - labels[rows][None, :] >= GAP
        if harder.sum() >= 30:
            margin = (values[rows][:, None] - values[rows][None, :])[harder]
            result[kind] = float((margin > 0).mean() + 0.5 * (margin == 0).mean())
    return result


def _fit_grams(prompts: Sequence[LabelledPrompt], grams: Sequence[Counts], seed: int) -> Hashed:
    """Logistic regression on the differences of pairs (RankNet with a linear model, Burges et al., ICML 2005)."""
    idf = _idf(grams)
    values = np.concatenate([counts.weighted(idf) for counts in grams])
    places = np.concatenate([counts.buckets for counts in grams])
    ends = np.cumsum([0, *(len(counts.buckets) for counts in grams)])
    rows = csr_matrix((values, places, ends), shape=(len(grams), BUCKETS))
    harder, easier, weight = _pairs(prompts, seed)
    differences = rows[harder] - rows[easier]
    transposed = differences.T.tocsr()

    def loss(weights: Floats) -> tuple[float, Floats]:
        margin = differences @ weights
        slope = -weight / (1 + np.exp(np.minimum(margin, 50.0)))
        value = float(weight @ np.logaddexp(0, -margin)) + 0.5 * PENALTY * float(weights @ weights)
        return value, transposed @ slope + PENALTY * weights

    found = minimize(loss, np.zeros(BUCKETS), jac=True, method="L-BFGS-B", options={"maxiter": STEPS})
    return Hashed(idf, found.x.astype(np.float32)[:, None], np.zeros(1))


def _idf(grams: Sequence[Counts]) -> NDArray[np.float32]:
    documents = np.zeros(BUCKETS)
    for counts in grams:
        documents[counts.buckets] += 1
    idf = np.log((1 + len(grams)) / (1 + documents)) + 1
    return np.where(documents > 1, idf, 0.0).astype(np.float32)


def _pairs(prompts: Sequence[LabelledPrompt], seed: int) -> tuple[NDArray[np.intp], NDArray[np.intp], Floats]:
    """Harder prompts, easier prompts and the weights of the pairs, which add up to 1."""
    chance = np.random.default_rng(seed)
    kinds: dict[tuple[str, str], list[int]] = defaultdict(list)
    groups: dict[str, list[int]] = defaultdict(list)
    for row, prompt in enumerate(prompts):
        kinds[kind_of(prompt)].append(row)
        if prompt.group:
            groups[prompt.group].append(row)
    labels = np.array([prompt.difficulty for prompt in prompts])
    found: list[tuple[int, int, float]] = []
    for row, prompt in enumerate(prompts):
        near, far = chance.choice(kinds[kind_of(prompt)], PARTNERS), chance.integers(0, len(prompts), STRANGERS)
        found += [(row, int(other), 1.0) for other in (*near, *far) if labels[row] - labels[other] >= GAP]
    for rows in groups.values():
        found += [(a, b, GROUP_WEIGHT) for a in rows for b in rows if labels[a] - labels[b] >= GAP]
    harder, easier, weights = zip(*found, strict=True)
    return np.array(harder), np.array(easier), np.array(weights) / sum(weights)


def _vocabulary(seen: Sequence[Wording]) -> NDArray[np.uint8]:
    known = np.zeros((1 << VOCABULARY_BITS) // 8, dtype=np.uint8)
    for each in seen:
        np.bitwise_or.at(known, each.runs >> 3, (1 << (each.runs & 7)).astype(np.uint8))
    return known
