"""Predictions of quality models for queries that they were not trained on."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from multiprocessing import get_context

import numpy as np

from cluster.pool import TIERS
from training.fit.adapt import learn
from training.fit.train import train_answer_gain
from training.folds import Fold
from training.judge.forecasts import Array, Forecasts, forecast
from training.outcomes import Outcome


@dataclass(frozen=True)
class _Task:
    train: Sequence[Outcome]
    test: Sequence[Outcome]
    seed: int
    with_answer: bool


def cross_validate(
    outcomes: Sequence[Outcome],
    folds: Sequence[Fold],
    *,
    seed: int,
    with_answer: bool,
    jobs: int,
    folds_done: Callable[[int], None],
) -> Forecasts:
    """Train a model for each fold and predict the fold's test rows.

    Args:
        with_answer: also predict by the text of the lowest tier's answer.
        jobs: folds trained at the same time, each in a separate process.
        folds_done: callback(number of finished folds).

    Returns:
        predictions in the order of the outcomes; calibration and decision time of the first fold's model.
    """
    tasks = [
        _Task([outcomes[row] for row in fold.train], [outcomes[row] for row in fold.test], seed, with_answer)
        for fold in folds
    ]
    folds_done(0)
    made = []
    for one in _results(tasks, jobs):
        made.append(one)
        folds_done(len(made))
    order = np.argsort(np.concatenate([fold.test for fold in folds]))
    return replace(
        made[0],
        quality=np.concatenate([one.quality for one in made])[order],
        output_tokens=np.concatenate([one.output_tokens for one in made])[order],
        answer_gain=np.concatenate([one.answer_gain for one in made])[order] if with_answer else None,
    )


def _results(tasks: Sequence[_Task], jobs: int) -> Iterator[Forecasts]:
    if jobs == 1:
        yield from map(_train_and_forecast, tasks)
        return
    with ProcessPoolExecutor(jobs, mp_context=get_context("spawn")) as pool:
        yield from pool.map(_train_and_forecast, tasks)


def _train_and_forecast(task: _Task) -> Forecasts:
    forecasts = forecast(learn(task.train, task.seed), task.test)
    return replace(forecasts, answer_gain=_answer_gain(task)) if task.with_answer else forecasts


def _answer_gain(task: _Task) -> Array:
    """See Forecasts.answer_gain. One model is trained for each pair of lowest and highest tier."""
    pairs = [_ends(outcome) for outcome in task.test]
    judges = {pair: train_answer_gain(task.train, *pair, task.seed) for pair in set(pairs) if pair}
    return np.array([judges[pair](row) if pair else np.nan for pair, row in zip(pairs, task.test, strict=True)])


def _ends(outcome: Outcome) -> tuple[str, str] | None:
    """The row's lowest and highest tier, if the row has the text of the lowest tier's answer."""
    tiers = [tier for tier in TIERS if tier in outcome.quality]
    return (tiers[0], tiers[-1]) if len(tiers) > 1 and tiers[0] in outcome.answer else None
