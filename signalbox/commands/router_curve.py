"""`signalbox router curve`: how good the router gets on new data with some labels of it."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Annotated

import typer

from signalbox.commands.router_eval import Data
from signalbox.console import WRONG_INPUT, JsonOption, exit_on, note, out, progress_bar
from signalbox.flatten import flatten


@flatten
def router_curve(
    data: Data,
    family: Annotated[
        list[str] | None,
        typer.Option(help="FAMILY=FILE,FILE: files with the same questions or subject, without endings (repeatable)."),
    ] = None,
    labels: Annotated[
        list[int] | None, typer.Option(help="Number of own labels (repeatable). Default: 25 50 100 200 500.", min=25)
    ] = None,
    draws: Annotated[int, typer.Option(help="Random sets of labels per number.", min=1)] = 5,
    seed: Annotated[int, typer.Option(help="Random seed.", min=0)] = 0,
    as_json: JsonOption = False,
) -> None:
    """Show the router's quality on data sets that it has never seen, by number of own labels."""
    from signalbox.commands.eval_options import families_from, model_from, prices_from, read_files, tiers_from
    from signalbox.tables.adaptation import table
    from training.judge.adaptation import LABELS, adaptation_curves
    from training.outcome_files import BadFile

    with exit_on(BadFile, status=WRONG_INPUT):
        files = read_files(data.data, tiers_from(data.tier), note)
        with progress_bar("adapting") as progress:
            curves = adaptation_curves(
                files,
                families_from(family, [file.stem for file in files]),
                model_from(None),
                prices_from(data.price),
                labels=sorted(set(labels or LABELS)),
                draws=draws,
                seed=seed,
                progress=progress,
            )
    if as_json:
        print(json.dumps(asdict(curves)))
    else:
        out.print(table(curves))
