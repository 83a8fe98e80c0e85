"""Predictions of quality models for queries that they were not trained on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context

import numpy as np
from numpy.typing import NDArray

from router.folds import Fold, some_labels
from router.learned import LearnedQuality
from router.outcomes import Outcome
from router.training import train
from router.types import CalibrationSample
from signalbox.decision_latency import decision_latency_us

Array = NDArray[np.float64]


@dataclass(frozen=True)
class Forecasts:
    """What a model expects of queries, tiers in the order of `cluster.pool.TIERS`."""

    quality: Array
    """P(good), shape (queries, 3)."""
    output_tokens: Array
    """Same shape."""
    calibration: CalibrationSample
    """What a budget's controller starts from."""
    latency_us: dict[str, float]
    """CPU time of a decision."""


@dataclass(frozen=True)
class _Task:
    train: Sequence[Outcome]
    test: Sequence[Outcome]
    seed: int


def forecast(model: LearnedQuality, outcomes: Sequence[Outcome]) -> Forecasts:
    """A model's predictions; nothing but the requests is looked at."""
    requests = [outcome.request for outcome in outcomes]
    made = model.predict_many(requests)
    return Forecasts(made.quality, made.output_tokens, model.calibration, decision_latency_us(model, requests))


def cross_validate(
    outcomes: Sequence[Outcome],
    folds: Sequence[Fold],
    *,
    labels: int | None,
    seed: int,
    jobs: int,
    folds_done: Callable[[int], None],
) -> Forecasts:
    """Train a model for each fold and ask it about the fold's test rows.

    Args:
        labels: rows to train on at most, drawn at random from each fold's; None for all.
        jobs: folds at a time, each in a process of its own.
        folds_done: hears how many folds are done.

    Returns:
        predictions in the order of the outcomes; calibration and decision time are those of the first fold's model.
    """
    tasks = []
    for fold in folds:
        trained = some_labels(fold.train, labels, seed)
        tasks.append(_Task([outcomes[row] for row in trained], [outcomes[row] for row in fold.test], seed))
    folds_done(0)
    made = []
    for one in _results(tasks, jobs):
        made.append(one)
        folds_done(len(made))
    quality, tokens = np.zeros((len(outcomes), 3)), np.zeros((len(outcomes), 3))
    for fold, one in zip(folds, made, strict=True):
        quality[fold.test], tokens[fold.test] = one.quality, one.output_tokens
    return Forecasts(quality, tokens, made[0].calibration, made[0].latency_us)


def _results(tasks: Sequence[_Task], jobs: int) -> Iterator[Forecasts]:
    if jobs == 1:
        yield from map(_train_and_forecast, tasks)
        return
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        yield from pool.map(_train_and_forecast, tasks)


def _train_and_forecast(task: _Task) -> Forecasts:
    return forecast(train(task.train, task.seed), task.test)
