"""How well confidences rank good answers above bad ones, and what a threshold on them gains. Pure.

Every estimate takes `weights`, shape (resamples, answers): how often each resample contains each answer. Kinds that are
measured with the same weights can be compared in pairs.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Interval:
    """An estimate with its 95% bootstrap interval."""

    mean: float
    low: float
    high: float


def bootstrap(answers: int, resamples: int, seed: int = 0) -> Array:
    """Weights of resamples with replacement; the first row has every answer once and gives the estimate itself."""
    draws = np.random.default_rng(seed).multinomial(answers, np.full(answers, 1 / answers), resamples)
    return np.vstack([np.ones(answers), draws])


def interval(values: Array) -> Interval:
    """Of an estimate followed by its resamples."""
    low, high = np.percentile(values[1:], (2.5, 97.5))
    return Interval(float(values[0]), float(low), float(high))


def aucs(predicted: Array, good: Array, weights: Array) -> Array:
    """P(a good answer has a higher confidence than a bad one), ties counting half, for each resample.

    Args:
        predicted: confidences, shape (heads, answers); the result is the mean over heads.
        good: grades of 0 or 1.
        weights: as in the module's text.
    """
    right, wrong = good == 1, good == 0
    wins = np.zeros((int(right.sum()), int(wrong.sum())))
    for scores in predicted:
        above = scores[right][:, None] - scores[wrong][None, :]
        wins += ((above > 0) + 0.5 * (above == 0)) / len(predicted)
    ours, theirs = weights[:, right], weights[:, wrong]
    area: NDArray[np.float64] = ((ours @ wins) * theirs).sum(axis=1) / (ours.sum(axis=1) * theirs.sum(axis=1))
    return area


@dataclass(frozen=True)
class Play:
    """Escalate the answers with the lowest confidence: what each answer brings and costs, kept or escalated."""

    confidence: Array
    kept: Array
    """Quality of the small model's answers, 0..1."""
    escalated: Array
    """Quality of the next tier's answers, 0..1."""
    kept_cost: Array
    escalated_cost: Array
    """Includes the tokens of the small model that nobody sees."""


def quality_at_cost(play: Play, budget: Array, weights: Array) -> Array:
    """Mean quality of each resample if as many answers are escalated as its budget (mean cost per answer) allows.

    Without a single escalation, the budget may be exceeded: a look costs what it costs.
    """
    order = np.argsort(play.confidence, kind="stable")
    share = weights[:, order]
    gain = (play.escalated - play.kept)[order]
    added = (play.escalated_cost - play.kept_cost)[order]
    spent = (share @ play.kept_cost[order])[:, None] + np.cumsum(share * added, axis=1)
    affordable = spent <= (budget * share.sum(axis=1))[:, None]
    quality = (share @ play.kept[order])[:, None] + np.cumsum(share * gain, axis=1)
    last = np.where(affordable.any(axis=1), affordable.shape[1] - 1 - np.argmax(affordable[:, ::-1], axis=1), -1)
    reached = np.where(last < 0, share @ play.kept[order], quality[np.arange(len(quality)), last])
    return np.asarray(reached / share.sum(axis=1))
