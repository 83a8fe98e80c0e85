"""Predictions of quality models for queries that they were not trained on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context

import numpy as np

from router.folds import Fold, some_labels
from router.outcomes import Outcome
from router.training import train
from signalbox.forecasts import Forecasts, forecast


@dataclass(frozen=True)
class _Task:
    train: Sequence[Outcome]
    test: Sequence[Outcome]
    seed: int


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
