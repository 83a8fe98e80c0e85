"""`signalbox router eval`: the learned router on queries with known outcomes, compared with other ways of routing."""

from __future__ import annotations

import json
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from signalbox.console import WRONG_INPUT, JsonOption, exit_on, note, options, out, progress_bar
from signalbox.flatten import flatten

if TYPE_CHECKING:
    from training.judge.evaluate import Wanted


class Split(StrEnum):
    """How rows are divided into training and test rows."""

    question = "question"
    subject = "subject"
    dataset = "dataset"


@dataclass(frozen=True)
class Judged:
    """What is evaluated: an artifact, or models that are trained for it."""

    artifact: Annotated[
        Path | None, typer.Option(help="The artifact to evaluate, or `rules`. Default: the shipped one.")
    ] = None
    compare: Annotated[Path | None, typer.Option(help="A second artifact to compare with, or `rules`.")] = None
    cv: Annotated[
        Split | None,
        typer.Option(help="Evaluate newly trained models: leave out questions, a subject or a dataset in turn."),
    ] = None
    folds: Annotated[int, typer.Option(help="Folds of --cv question.", min=2)] = 5
    labels: Annotated[int | None, typer.Option(help="With --cv: maximum training rows per fold.", min=1)] = None
    with_answer: Annotated[
        bool, typer.Option(help="With --cv: also judge by the text of the lowest tier's answer, once it is written.")
    ] = False
    jobs: Annotated[int, typer.Option(help="With --cv: folds trained at the same time.", min=1)] = 1


@dataclass(frozen=True)
class Data:
    """The outcomes, and what tokens cost."""

    data: Annotated[list[Path], typer.Option(help="An outcome file, .jsonl or .jsonl.gz (repeatable).")]
    tier: Annotated[
        list[str] | None,
        typer.Option(help="TIER=MODEL: which model of the files is used as the tier (repeatable)."),
    ] = None
    price: Annotated[
        list[str] | None,
        typer.Option(help="TIER=PRICE of an output token (repeatable). Default: small=1 moe=3 large=10."),
    ] = None


@flatten
def router_eval(
    data: Data,
    judged: Judged,
    seed: Annotated[int, typer.Option(help="Random seed of folds, random scores and bootstrap samples.")] = 0,
    plot: Annotated[Path | None, typer.Option(help="Write plots to this HTML file.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Evaluate the learned router on outcome files, compared with chance, length, dataset prior, LiteLLM and oracle."""
    from signalbox.commands.eval_options import read_files, tiers_from
    from signalbox.tables import evaluation
    from training.judge.evaluate import evaluate
    from training.outcome_files import BadFile

    with exit_on(BadFile, status=WRONG_INPUT), options(split=f"--cv {judged.cv}"):
        wanted = _wanted(judged, data, seed)
        files = read_files(data.data, tiers_from(data.tier), note)
        with progress_bar("reading") as progress:
            reports, latency_us = evaluate(files, wanted, progress)
    if plot:
        evaluation.write_plots(reports, plot)
        note(f"plots: {plot}")
    if as_json:
        print(json.dumps(evaluation.as_json(reports, latency_us)))
        return
    for report in reports:
        out.print(evaluation.table(report))
    out.print(f"decision: p50 {latency_us['p50']:.0f}, p99 {latency_us['p99']:.0f} CPU microseconds", highlight=False)


def _wanted(judged: Judged, data: Data, seed: int) -> Wanted:
    """The options, checked.

    Raises:
        BadFile: options contradict each other, or an artifact cannot be used.
    """
    from signalbox.commands.eval_options import check_options, model_from, prices_from
    from training.judge.evaluate import Wanted

    trains = judged.cv is not None
    check_options(
        trains=trains,
        judges=bool(judged.artifact or judged.compare),
        labels=judged.labels,
        with_answer=judged.with_answer,
    )
    return Wanted(
        prices=prices_from(data.price),
        model=None if trains else model_from(judged.artifact),
        compared=model_from(judged.compare) if judged.compare else None,
        split=judged.cv.value if judged.cv else None,
        folds=judged.folds,
        labels=judged.labels,
        with_answer=judged.with_answer,
        seed=seed,
        jobs=judged.jobs,
    )
