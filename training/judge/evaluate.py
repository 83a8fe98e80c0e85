"""The work of `signalbox router eval`: train models on folds, predict the test rows, and measure every method."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from cluster.problems import Problems
from router.quality import QualityModel
from training.fit.train import TooFewLabels
from training.folds import Fold, named_folds, question_folds, some_labels
from training.judge.crossval import cross_validate
from training.judge.forecasts import Forecasts, forecast
from training.judge.methods import baseline_methods, budget_error_pp, grade, prior_scores, signalbox_method
from training.judge.report import FileReport
from training.judge.scores import Array, Judge, Method, Predictor, Scores, Truth, interval
from training.metrics import reliability
from training.outcome_files import BadFile, OutcomeFile
from training.outcomes import Outcome

Split = Literal["question", "subject", "dataset"]
Progress = Callable[[str, int, int], None]
"""Callback(description, steps done, all steps)."""
DIFFERENCES = ("apgr", "gain_share", "aiq")


@dataclass(frozen=True)
class Wanted:
    """What to evaluate: either `model`, or models that are trained and tested by `split`."""

    prices: Mapping[str, float]
    """By tier."""
    model: QualityModel | None = None
    compared: QualityModel | None = None
    """A second model to compare the first one with."""
    split: Split | None = None
    folds: int = 5
    """Folds of a split by question."""
    labels: int | None = None
    """Maximum training rows per fold; None for all."""
    with_answer: bool = False
    """Also judge by the text of the lowest tier's answer."""
    seed: int = 0
    jobs: int = 1
    """Folds trained at the same time."""


def evaluate(
    files: Sequence[OutcomeFile], wanted: Wanted, progress: Progress
) -> tuple[list[FileReport], dict[str, float]]:
    """Metrics of every file, and the CPU microseconds of a decision.

    Raises:
        Problems: the files do not allow the `split`.
        BadFile: a file has too few outcomes.
    """
    outcomes = [outcome for file in files for outcome in file.outcomes]
    folds = _folds(files, outcomes, wanted)
    forecasts = _forecasts(outcomes, folds, wanted, progress)
    compared = forecast(wanted.compared, outcomes) if wanted.compared is not None else None
    prior = prior_scores(outcomes, folds)
    reports, start = [], 0
    for number, file in enumerate(files):
        progress(f"judging {file.stem}", number, len(files))
        rows = np.arange(start, start + len(file.outcomes))
        reports.append(_report(file, rows, forecasts, compared, prior, wanted))
        start += len(file.outcomes)
    progress("judged", len(files), len(files))
    return reports, forecasts.latency_us


def _forecasts(outcomes: Sequence[Outcome], folds: Sequence[Fold], wanted: Wanted, progress: Progress) -> Forecasts:
    if wanted.model is not None:
        progress("predicting", 0, 1)
        return forecast(wanted.model, outcomes)
    try:
        return cross_validate(
            outcomes,
            folds,
            seed=wanted.seed,
            with_answer=wanted.with_answer,
            jobs=wanted.jobs,
            folds_done=lambda done: progress("training", done, len(folds)),
        )
    except TooFewLabels as error:
        raise Problems(split=f"{error}: use more files or more labels") from error


def _folds(files: Sequence[OutcomeFile], outcomes: Sequence[Outcome], wanted: Wanted) -> list[Fold]:
    """Training and test rows. Without a split, only the dataset prior uses them."""
    texts = [outcome.request.text for outcome in outcomes]
    if wanted.split == "subject":
        for file in files:
            if any(not outcome.group for outcome in file.outcomes):
                raise Problems(split=f"{file.stem} has rows without group: every row needs one to leave subjects out")
        folds = named_folds([outcome.group for outcome in outcomes], texts)
    elif wanted.split == "dataset":
        folds = named_folds([file.stem for file in files for _ in file.outcomes], texts)
    else:
        folds = question_folds(texts, wanted.folds, wanted.seed)
    if wanted.split and any(not len(fold.train) for fold in folds):
        raise Problems(
            split=f"without one {wanted.split}, no other questions are left to train on: use files with more "
            f"{wanted.split}s"
        )
    return [Fold(some_labels(fold.train, wanted.labels, wanted.seed), fold.test) for fold in folds]


def _report(
    file: OutcomeFile,
    rows: NDArray[np.intp],
    forecasts: Forecasts,
    compared: Forecasts | None,
    prior: Array,
    wanted: Wanted,
) -> FileReport:
    try:
        graded, kept = grade(file.outcomes, wanted.prices)
    except ValueError as error:
        raise BadFile(f"{file.stem}: {error}") from error
    rows = rows[kept]
    models = {"signalbox": forecasts} | ({"compared": compared} if compared is not None else {})
    own = {name: signalbox_method(graded, made, rows) for name, made in models.items()}
    methods: dict[str, Sequence[Method]] = {name: [method] for name, method in own.items()}
    methods |= baseline_methods(graded, prior[rows], wanted.seed)
    judge = Judge(graded.truth, wanted.seed)
    return FileReport(
        stem=file.stem,
        trained_on=_trained_on(wanted.model, file),
        queries=len(rows),
        tiers=graded.truth.tiers,
        single_tiers=graded.truth.single_tiers(),
        scores={name: judge.scores(drawn) if drawn else None for name, drawn in methods.items()}
        | _answer_scores(judge, forecasts, rows),
        budget_error_pp={
            name: budget_error_pp(graded, method, models[name].calibration, wanted.seed) for name, method in own.items()
        },
        curves={name: judge.curve(drawn[0]) for name, drawn in methods.items() if drawn},
        reliability=_reliability(graded.truth, own["signalbox"]),
        differences=_differences(judge, methods),
    )


def _trained_on(model: QualityModel | None, file: OutcomeFile) -> bool:
    """Whether an artifact's card lists the file as a source. Models trained here never see their test rows."""
    sources = getattr(model, "card", {}).get("sources", ())
    return any(source.get("sha256") == file.sha256 for source in sources)


def _answer_scores(judge: Judge, forecasts: Forecasts, rows: NDArray[np.intp]) -> dict[str, Scores | None]:
    """The method that reads the cheapest answer first. That answer is paid for in any case, so the method has no place
    on the curve of cost and quality."""
    if forecasts.answer_gain is None:
        return {}
    gain = forecasts.answer_gain[rows]
    if not np.isfinite(gain).all():
        return {"signalbox_answer": None}
    scores = judge.scores([Method(gain)])
    return {"signalbox_answer": replace(scores, gain_share=None, aiq=None, gain_share_ci=None)}


def _reliability(truth: Truth, own: Predictor) -> dict[str, tuple[Array, Array, Array]]:
    tiers = zip(truth.tiers, own.quality.T, truth.quality.T, strict=True)
    return {tier: reliability(said, was) for tier, said, was in tiers}


def _differences(judge: Judge, methods: Mapping[str, Sequence[Method]]) -> dict[str, tuple[float, float]]:
    """95% intervals of what the compared model adds, on the same bootstrap samples for both."""
    if "compared" not in methods:
        return {}
    ours, theirs = judge.samples(methods["signalbox"]), judge.samples(methods["compared"])
    found = {name: interval(theirs[name] - ours[name]) for name in DIFFERENCES}
    return {name: between for name, between in found.items() if between is not None}
