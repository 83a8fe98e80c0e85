"""Calibrates a quality model on out-of-fold predictions, and measures it there."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from cluster.pool import TIERS
from router.model.learned import LearnedQuality, View
from router.model.members import Floats
from router.types import CalibrationSample
from training.fit.members import FEW_LABELS, fit_ensemble, raw
from training.folds import Rows, question_folds
from training.metrics import apgr, ece
from training.outcomes import Outcome
from training.policies import threshold_policies

SLOPES = (0.2, 3.0)
"""Bounds of the calibration line's slope, so that a small sample neither flattens nor exaggerates predictions."""
SAMPLE = 1_000
"""Queries in the calibration sample."""


def out_of_fold(outcomes: Sequence[Outcome], views: Sequence[View], targets: Floats, seed: int) -> tuple[Rows, Floats]:
    """Rows, and their predictions by members that were trained on other questions."""
    few = len(outcomes) < FEW_LABELS
    folds = question_folds([outcome.question for outcome in outcomes], 4 if few else 5, seed)
    folds = folds if few else folds[:1]
    heads = []
    for fold in folds:
        members = fit_ensemble([views[row] for row in fold.train], targets[fold.train], seed)
        heads += [raw(members, views[row]) for row in fold.test]
    return np.concatenate([fold.test for fold in folds]), np.array(heads)


def calibration_lines(heads: Floats, targets: Floats) -> tuple[Floats, Floats]:
    """Slope and offset of each head: least squares of the truth on the prediction, with the slope within SLOPES."""
    lines = []
    for predicted, truth in zip(heads.T, targets.T, strict=True):
        known = np.isfinite(truth)
        predicted, truth = predicted[known], truth[known]
        varied = predicted - predicted.mean()
        slope = float(np.clip(varied @ truth / max(float(varied @ varied), 1e-9), *SLOPES))
        lines.append((slope, float(truth.mean() - slope * predicted.mean())))
    slopes, offsets = np.array(lines).T
    return slopes, offsets


def held_out_metrics(outcomes: Sequence[Outcome], quality: Sequence[Mapping[str, float]]) -> dict[str, Any]:
    """Calibration error and APGR of predictions for queries that the members had not seen."""
    tiers = list(quality[0])
    pairs = list(zip(outcomes, quality, strict=True))
    errors = {}
    for tier in tiers:
        known = [(predicted[tier], row.quality[tier]) for row, predicted in pairs if tier in row.quality]
        errors[tier] = round(ece(*np.array(known).T), 4) if known else None
    complete = [(row, predicted) for row, predicted in pairs if set(tiers) <= row.quality.keys()]
    return {"queries": len(outcomes), "ece": errors, "apgr": _apgr(tiers, complete) if complete else None}


def _apgr(tiers: Sequence[str], pairs: Sequence[tuple[Outcome, Mapping[str, float]]]) -> float | None:
    """APGR between the first two tiers, the anchor and the next one."""
    truth = np.array([[row.quality[tier] for tier in tiers] for row, _ in pairs])
    gains = np.array([predicted[tiers[0]] - predicted[tiers[1]] for _, predicted in pairs])
    top = threshold_policies(gains, 0, 1).astype(bool)
    return apgr(top.mean(axis=1), np.where(top, truth[:, 0], truth[:, 1]).mean(axis=1))


def calibration_sample(
    model: LearnedQuality, outcomes: Sequence[Outcome], quality: Sequence[Mapping[str, float]], seed: int
) -> CalibrationSample:
    """At most SAMPLE of the out-of-fold predictions, in the form of the model's own predictions."""
    rows = np.random.default_rng(seed).permutation(len(outcomes))[:SAMPLE]
    requests = [outcomes[row].request for row in rows]
    trained = [model.predict(request) for request in requests]
    # The model was trained on these queries, so predictions for learned tiers come from out of fold.
    honest = [{**its.quality, **quality[row]} for its, row in zip(trained, rows, strict=True)]
    return CalibrationSample(
        np.array([[each[tier] for tier in TIERS] for each in honest]),
        np.array([[its.output_tokens[tier] for tier in TIERS] for its in trained]),
        np.array([float(request.prompt_tokens) for request in requests]),
    )
