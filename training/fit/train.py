"""Trains the quality model on outcomes. Deterministic: the same outcomes and seed give the same model."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import numpy as np

from cluster.pool import TIERS
from router.model.learned import LearnedQuality, View
from router.model.members import Floats
from router.types import CalibrationSample
from training.fit.answers import answer_view
from training.fit.calibration import calibration_lines, calibration_sample, held_out_metrics, out_of_fold
from training.fit.members import LEAST_LABELS, fit_ensemble, mean_lengths, raw, vocabulary_of
from training.outcomes import Outcome


class TooFewLabels(ValueError):
    """No tier can be learned; the message has the number of labels."""


def train(outcomes: Sequence[Outcome], seed: int = 0, card: Mapping[str, Any] | None = None) -> LearnedQuality:
    """Train on outcomes of at least two tiers.

    Args:
        card: facts about the sources for the training card; counts are added.

    Raises:
        TooFewLabels: as learnable_tiers.
    """
    tiers = learnable_tiers(outcomes)
    views = [outcome.seen for outcome in outcomes]
    targets = _targets(outcomes, views, tiers, seed)
    held_out, heads = out_of_fold(outcomes, views, targets, seed)
    slope, offset = calibration_lines(heads, targets[held_out])
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
    facts = {"labels": label_counts(outcomes), "held_out": held_out_metrics(unseen, quality)}
    return replace(model, calibration=calibration_sample(model, unseen, quality, seed), card=dict(card or {}) | facts)


def train_answer_gain(outcomes: Sequence[Outcome], cheap: str, top: str, seed: int = 0) -> Callable[[Outcome], float]:
    """A model of the quality gained by asking the top tier as well, given the query and the cheap tier's answer.

    Returns:
        a function of an outcome, which reads only its request and the text of the cheap answer.

    Raises:
        TooFewLabels: fewer than LEAST_LABELS outcomes have both tiers' quality and the cheap answer's text.
    """
    known = [outcome for outcome in outcomes if {cheap, top} <= outcome.quality.keys() and cheap in outcome.answer]
    if len(known) < LEAST_LABELS:
        raise TooFewLabels(f"{LEAST_LABELS} answers of tier {cheap} with their text are needed, there are {len(known)}")
    gains = np.array([[outcome.quality[top] - outcome.quality[cheap]] for outcome in known])
    views = [answer_view(outcome.request, outcome.answer[cheap]) for outcome in known]
    ensemble = fit_ensemble(views, gains, seed, places=np.arange(len(views[0].features)))
    return lambda outcome: float(raw(ensemble, answer_view(outcome.request, outcome.answer.get(cheap, "")))[0])


NOTHING = CalibrationSample(np.zeros((0, len(TIERS))), np.zeros((0, len(TIERS))), np.zeros(0))


def learnable_tiers(outcomes: Sequence[Outcome], least: int = LEAST_LABELS) -> tuple[str, ...]:
    """The anchor (the highest tier with enough labels), then the lower tiers with enough labels next to the anchor's.

    Args:
        least: labelled queries that are enough.

    Raises:
        TooFewLabels: there are fewer than two such tiers.
    """
    counts = _questions(outcomes)
    anchor = next((tier for tier in reversed(TIERS) if counts[tier] >= least), None)
    both = [outcome for outcome in outcomes if anchor in outcome.quality]
    lower = tuple(tier for tier, count in _questions(both).items() if count >= least and tier != anchor)
    if anchor is None or not lower:
        known = ", ".join(f"{tier} {count}" for tier, count in counts.items())
        raise TooFewLabels(f"two tiers need {least} queries that both have answered; the labels are: {known}")
    return (anchor, *lower)


def label_counts(outcomes: Sequence[Outcome]) -> dict[str, int]:
    """Number of labels by tier."""
    return {tier: sum(tier in outcome.quality for outcome in outcomes) for tier in TIERS}


def _questions(outcomes: Sequence[Outcome]) -> dict[str, int]:
    """Number of different questions by tier: repetitions of a question teach nothing about others."""
    return {tier: len({outcome.question for outcome in outcomes if tier in outcome.quality}) for tier in TIERS}


def _targets(outcomes: Sequence[Outcome], views: Sequence[View], tiers: Sequence[str], seed: int) -> Floats:
    """The target of each head for each query; NaN means unknown. Shape (queries, heads).

    Feedback has the quality of one tier only. If that is a lower tier, the anchor's quality is predicted from the
    queries that have it.
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
