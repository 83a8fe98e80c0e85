"""`signalbox router eval`: the learned router on queries whose outcome is known, beside other ways of routing."""

from __future__ import annotations

import json
from collections.abc import Callable
from enum import StrEnum
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress, TimeElapsedColumn

out = Console()
err = Console(stderr=True, soft_wrap=True)


class Split(StrEnum):
    """How models are trained and tested."""

    question = "question"
    subject = "subject"
    dataset = "dataset"


def eval_command(
    data: Annotated[list[Path], typer.Option(help="An outcome file (.jsonl, .jsonl.gz); several times for several.")],
    artifact: Annotated[
        Path | None, typer.Option(help="The artifact to judge, or `rules`. Default: the one that ships.")
    ] = None,
    cv: Annotated[
        Split | None,
        typer.Option(help="Judge newly trained models instead: leave out questions, a subject or a dataset in turn."),
    ] = None,
    labels: Annotated[int | None, typer.Option(help="With --cv: rows to train on at most, per fold.", min=1)] = None,
    folds: Annotated[int, typer.Option(help="Folds of --cv question.", min=2)] = 5,
    tier: Annotated[
        list[str] | None, typer.Option(help="TIER=MODEL: which model of the files stands for a tier; several times.")
    ] = None,
    price: Annotated[
        list[str] | None, typer.Option(help="TIER=PRICE of an output token. Default: small=1 moe=3 large=10.")
    ] = None,
    with_answer: Annotated[
        bool, typer.Option(help="With --cv: also judge by the text of the lowest tier's answer, after it was written.")
    ] = False,
    compare: Annotated[Path | None, typer.Option(help="A second artifact to compare with, or `rules`.")] = None,
    plot: Annotated[Path | None, typer.Option(help="Write plots to this HTML file.")] = None,
    jobs: Annotated[int, typer.Option(help="With --cv: folds that are trained at a time.", min=1)] = 1,
    seed: Annotated[int, typer.Option(help="Of folds, draws and bootstrap samples.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")] = False,
) -> None:
    """Measure the learned router on outcome files, beside chance, length, dataset prior, LiteLLM and the oracle."""
    from signalbox.commands.eval_options import check_options, model_from, prices_from, read_files, tiers_from
    from signalbox.tables import evaluation as router_report
    from training.judge.evaluate import Wanted, evaluate
    from training.outcome_files import BadFile

    try:
        check_options(trains=cv is not None, judges=bool(artifact or compare), labels=labels, with_answer=with_answer)
        wanted = Wanted(
            prices=prices_from(price),
            model=None if cv else model_from(artifact),
            compared=model_from(compare) if compare else None,
            split=cv.value if cv else None,
            folds=folds,
            labels=labels,
            with_answer=with_answer,
            seed=seed,
            jobs=jobs,
        )
        files = read_files(data, tiers_from(tier), lambda note: err.print(note, highlight=False, markup=False))
        with Progress(*Progress.get_default_columns(), TimeElapsedColumn(), console=err, transient=True) as bar:
            reports, latency_us = evaluate(files, wanted, _shown_in(bar))
    except BadFile as error:
        err.print(str(error), style="red", markup=False)
        raise typer.Exit(2) from error
    if plot:
        router_report.write_plots(reports, plot)
        err.print(f"plots: {plot}", highlight=False)
    if as_json:
        print(json.dumps(router_report.as_json(reports, latency_us)))
        return
    for report in reports:
        out.print(router_report.table(report))
    out.print(f"decision: p50 {latency_us['p50']:.0f}, p99 {latency_us['p99']:.0f} CPU microseconds", highlight=False)


def _shown_in(bar: Progress) -> Callable[[str, int, int], None]:
    task = bar.add_task("reading", total=None)

    def show(doing: str, done: int, total: int) -> None:
        bar.update(task, description=doing, completed=done, total=total)

    return show
