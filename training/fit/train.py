"""Training the quality model from outcomes. Deterministic: the same outcomes and seed give the same model."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from cluster.pool import TIERS
from router.model.learned import LearnedQuality, View, view
from router.model.members import Floats
from router.types import CalibrationSample
from training.fit.answers import answer_view
from training.fit.members import FEW_LABELS, LEAST_LABELS, fit_ensemble, mean_lengths, raw, vocabulary_of
from training.folds import Rows, normalised, question_folds
from training.metrics import apgr, ece
from training.outcomes import Outcome
from training.policies import threshold_policies

SLOPES = (0.2, 3.0)
"""Bounds of the calibration line's slope: predictions are neither silenced nor blown up by a small sample."""
SAMPLE = 1_000
"""Queries in the calibration sample."""


class TooFewLabels(ValueError):
    """No tier can be learned; the message says how many labels there are."""


def train(outcomes: Sequence[Outcome], seed: int = 0, card: Mapping[str, Any] | None = None) -> LearnedQuality:
    """Train on outcomes of at least two tiers.

    Args:
        card: what to write down about sources; counts are added.

    Raises:
        TooFewLabels: fewer than two tiers have LEAST_LABELS queries that know both them and the highest such tier.
    """
    tiers = learnable_tiers(outcomes)
    views = [view(outcome.request) for outcome in outcomes]
    targets = _targets(outcomes, views, tiers, seed)
    held_out, heads = _out_of_fold(outcomes, views, targets, seed)
    slope, offset = _lines(heads, targets[held_out])
    model = LearnedQuality(
        anchor=tiers[0],
        lower=tiers[1:],
        ensemble=replace(fit_ensemble(views, targets, seed), slope=slope, offset=offset),
        usual=np.mean([seen.features for seen in views], axis=0),
        output_tokens=mean_lengths(outcomes),
        vocabulary=vocabulary_of(views),
        longest=max(seen.log_characters for seen in views),
        calibration=NOTHING,
        card={},
    )
    unseen = [outcomes[row] for row in held_out]
    quality = [model.qualities(row * slope + offset) for row in heads]
    facts = {"labels": _counts(outcomes), "held_out": _metrics(unseen, quality)}
    return replace(model, calibration=_sample(model, unseen, quality, seed), card=dict(card or {}) | facts)


def train_answer_gain(outcomes: Sequence[Outcome], cheap: str, dear: str, seed: int = 0) -> Callable[[Outcome], float]:
    """What asking the dear tier as well would gain, judged by the query and the text of the cheap tier's answer.

    Returns:
        a function of an outcome with that text; it looks at nothing else of the outcome but the request.

    Raises:
        TooFewLabels: fewer than LEAST_LABELS outcomes have both tiers' quality and the cheap answer's text.
    """
    known = [outcome for outcome in outcomes if {cheap, dear} <= outcome.quality.keys() and cheap in outcome.answer]
    if len(known) < LEAST_LABELS:
        raise TooFewLabels(f"{LEAST_LABELS} answers of tier {cheap} with their text are needed, there are {len(known)}")
    gains = np.array([[outcome.quality[dear] - outcome.quality[cheap]] for outcome in known])
    views = [answer_view(outcome.request, outcome.answer[cheap]) for outcome in known]
    ensemble = fit_ensemble(views, gains, seed, places=np.arange(len(views[0].features)))
    return lambda outcome: float(raw(ensemble, answer_view(outcome.request, outcome.answer.get(cheap, "")))[0])


NOTHING = CalibrationSample(np.zeros((0, len(TIERS))), np.zeros((0, len(TIERS))), np.zeros(0))


def learnable_tiers(outcomes: Sequence[Outcome]) -> tuple[str, ...]:
    """The anchor (the highest tier with enough labels), then the lower tiers with enough labels beside it.

    Raises:
        TooFewLabels: there are fewer than two.
    """
    counts = _questions(outcomes)
    anchor = next((tier for tier in reversed(TIERS) if counts[tier] >= LEAST_LABELS), None)
    beside = [outcome for outcome in outcomes if anchor in outcome.quality]
    lower = tuple(tier for tier, count in _questions(beside).items() if count >= LEAST_LABELS and tier != anchor)
    if anchor is None or not lower:
        known = ", ".join(f"{tier} {count}" for tier, count in counts.items())
        raise TooFewLabels(f"two tiers need {LEAST_LABELS} queries that both have answered, labels are: {known}")
    return (anchor, *lower)


def _counts(outcomes: Sequence[Outcome]) -> dict[str, int]:
    return {tier: sum(tier in outcome.quality for outcome in outcomes) for tier in TIERS}


def _questions(outcomes: Sequence[Outcome]) -> dict[str, int]:
    """Different questions by tier: the same one asked often teaches nothing about others."""
    texts = [normalised(outcome.request.text) for outcome in outcomes]
    rows = list(zip(texts, outcomes, strict=True))
    return {tier: len({text for text, outcome in rows if tier in outcome.quality}) for tier in TIERS}


def _targets(outcomes: Sequence[Outcome], views: Sequence[View], tiers: Sequence[str], seed: int) -> Floats:
    """What each head should say of each query; NaN where it is not known. Shape (queries, heads).

    Feedback knows one tier only, the one that answered. Where that is a lower one, what the anchor would have been
    worth is filled in from the queries that know it.
    """
    level = np.array([[outcome.quality.get(tier, np.nan) for tier in tiers] for outcome in outcomes])
    anchor = level[:, :1]
    alone = np.flatnonzero(np.isnan(anchor[:, 0]) & np.isfinite(level).any(axis=1))
    filled = anchor.copy()
    if len(alone):
        known = np.flatnonzero(np.isfinite(anchor[:, 0]))
        members = fit_ensemble([views[row] for row in known], anchor[known], seed)
        filled[alone, 0] = [np.clip(raw(members, views[row])[0], 0.0, 1.0) for row in alone]
    return np.hstack((anchor, filled - level[:, 1:]))


# -- calibration -----------------------------------------------------------------------------------------------------


def _out_of_fold(outcomes: Sequence[Outcome], views: Sequence[View], targets: Floats, seed: int) -> tuple[Rows, Floats]:
    """Rows, and what members say of them that were trained on other questions."""
    few = len(outcomes) < FEW_LABELS
    folds = question_folds([outcome.request.text for outcome in outcomes], 4 if few else 5, seed)
    folds = folds if few else folds[:1]
    heads = []
    for fold in folds:
        members = fit_ensemble([views[row] for row in fold.train], targets[fold.train], seed)
        heads += [raw(members, views[row]) for row in fold.test]
    return np.concatenate([fold.test for fold in folds]), np.array(heads)


def _lines(heads: Floats, targets: Floats) -> tuple[Floats, Floats]:
    """Slope and offset by head: least squares of the truth on the prediction, the slope within SLOPES."""
    lines = []
    for said, truth in zip(heads.T, targets.T, strict=True):
        known = np.isfinite(truth)
        said, truth = said[known], truth[known]
        varied = said - said.mean()
        slope = float(np.clip(varied @ truth / max(float(varied @ varied), 1e-9), *SLOPES))
        lines.append((slope, float(truth.mean() - slope * said.mean())))
    slopes, offsets = np.array(lines).T
    return slopes, offsets


def _metrics(outcomes: Sequence[Outcome], quality: Sequence[Mapping[str, float]]) -> dict[str, Any]:
    """How good predictions for queries were that the predicting members had not seen."""
    tiers = list(quality[0])
    errors = {}
    for tier in tiers:
        known = [(said[tier], o.quality[tier]) for o, said in zip(outcomes, quality, strict=True) if tier in o.quality]
        errors[tier] = round(ece(*np.array(known).T), 4) if known else None
    both = [(o, said) for o, said in zip(outcomes, quality, strict=True) if set(tiers) <= o.quality.keys()]
    truth = np.array([[outcome.quality[tier] for tier in tiers] for outcome, _ in both])
    gains = np.array([said[tiers[0]] - said[tiers[1]] for _, said in both])
    recovered = None
    if both:
        dear = threshold_policies(gains, 0, 1).astype(bool)
        recovered = apgr(dear.mean(axis=1), np.where(dear, truth[:, 0], truth[:, 1]).mean(axis=1))
    return {"queries": len(outcomes), "ece": errors, "apgr": recovered}


def _sample(
    model: LearnedQuality, outcomes: Sequence[Outcome], quality: Sequence[Mapping[str, float]], seed: int
) -> CalibrationSample:
    """At most SAMPLE of the out-of-fold predictions, as the model would have made them."""
    rows = np.random.default_rng(seed).permutation(len(outcomes))[:SAMPLE]
    requests = [outcomes[row].request for row in rows]
    trained = [model.predict(request) for request in requests]
    # In the model itself these queries are training data: what it says of learned tiers is taken from out of fold.
    honest = [{**its.quality, **quality[row]} for its, row in zip(trained, rows, strict=True)]
    return CalibrationSample(
        np.array([[each[tier] for tier in TIERS] for each in honest]),
        np.array([[its.output_tokens[tier] for tier in TIERS] for its in trained]),
        np.array([float(request.prompt_tokens) for request in requests]),
    )
