"""Fits a look's logistic head on some of the labels, with the penalty that held-out labels choose."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from router.confidence.judge import Logistic
from training.fit.confidence import fit_logistic

Rows = Sequence[Mapping[str, float]]
Array = NDArray[np.float64]

PENALTIES = (10.0, 100.0, 1_000.0)
FOLDS = 5


def chances(head: Logistic, rows: Rows) -> Array:
    """P(good) of each row."""
    return np.array([head.probability(row) for row in rows])


def log_loss(predicted: Array, good: Array) -> float:
    """Mean negative log-likelihood of grades of 0 or 1."""
    return float(-np.log(np.where(good == 1, predicted, 1 - predicted)).mean())


def fit_head(rows: Rows, good: Array) -> Logistic:
    """The logistic regression whose penalty has the lowest log-loss over FOLDS folds of the labels.

    Raises:
        ValueError: all grades of a training set are equal.
    """
    names = tuple(rows[0])
    folds = np.arange(len(rows)) % FOLDS

    def loss(penalty: float) -> float:
        predicted = np.empty(len(rows))
        for fold in range(FOLDS):
            others = np.flatnonzero(folds != fold)
            head = fit_logistic([rows[place] for place in others], good[others].tolist(), names, penalty)
            predicted[folds == fold] = chances(head, [rows[place] for place in np.flatnonzero(folds == fold)])
        return log_loss(predicted, good)

    return fit_logistic(rows, good.tolist(), names, min(PENALTIES, key=loss))


def disjoint(total: int, labels: int) -> Iterator[slice]:
    """Every part of so many labels that fits; together they use each label once at most."""
    return (slice(start, start + labels) for start in range(0, total - labels + 1, labels))


def fit_heads(rows: Rows, good: Array, labels: int) -> list[Logistic]:
    """A head for each disjoint part of the labels, so that few labels are judged by more than one draw."""
    return [fit_head(rows[part], good[part]) for part in disjoint(len(rows), labels)]
