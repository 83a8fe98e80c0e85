"""`signalbox simulate`: a spec's fleet under a public trace, on a virtual clock."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.progress import Progress, TimeElapsedColumn

if TYPE_CHECKING:
    from simulation.fleet import Run
    from simulation.scenario import Scenario
    from simulation.summary import Summary

out = Console()
err = Console(stderr=True, soft_wrap=True)
ALL = "all"


def simulate(
    spec: Annotated[Path, typer.Argument(help="The fleet spec, a YAML file.")],
    trace: Annotated[Path, typer.Option(help="An Azure trace (CSV) or a Mooncake trace (JSON lines).")],
    policy: Annotated[str, typer.Option(help="The scaling policy; `all` compares all of them.")] = "signalbox",
    set_: Annotated[
        list[str] | None, typer.Option("--set", help="NAME=NUMBER, a parameter of a baseline; several times.")
    ] = None,
    scale: Annotated[float, typer.Option(help="The trace's load times this; 0.5 leaves half of it out.")] = 1,
    bursts: Annotated[bool, typer.Option("--bursts", help="Four times the load for 60 s in every 10 minutes.")] = False,
    start: Annotated[float, typer.Option(min=0, help="Minutes of the trace to leave out at its start.")] = 0,
    minutes: Annotated[float | None, typer.Option(help="Minutes to measure. Default: to the trace's end.")] = None,
    lead_in: Annotated[
        float, typer.Option("--lead-in-minutes", min=0, help="Minutes that are played before, and not measured.")
    ] = 10,
    cold_start_s: Annotated[
        str, typer.Option(help="Seconds from launch to ready: a number, or bounds such as 60-180.")
    ] = "60-180",
    node_start_s: Annotated[float, typer.Option(min=0, help="Seconds that a new node takes before that.")] = 0,
    queries: Annotated[
        Path | None, typer.Option(help="An outcome file that requests draw their queries from. Default: demo tasks.")
    ] = None,
    seed: Annotated[int, typer.Option(min=0, help="Of everything that is drawn.")] = 0,
    plot: Annotated[
        Path | None, typer.Option(help="Write load, replicas, queue and KV cache to this HTML file.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")] = False,
) -> None:
    """Play a trace against a fleet that exists only here, and say what was answered in time and what it cost.

    The router and the scaling policy are the ones that serve; engines are played from a model of their timing.
    """
    from signalbox.tables.simulation import summary_data, summary_tables
    from simulation.inputs import Choice, WrongInput, policies_from, scenario_from

    choice = Choice(trace, scale, bursts, start, minutes, lead_in, cold_start_s, node_start_s, queries, seed)
    try:
        chosen, parameters = policies_from(policy, set_)
        if plot and not plot.parent.is_dir():
            raise WrongInput(f"--plot: there is no folder {plot.parent}: make it, or write another path")
        began = time.perf_counter()
        scenario = scenario_from(spec, choice)
        _say(scenario, time.perf_counter() - began)
        runs = {name: _play(scenario, name, parameters) for name in chosen}
    except WrongInput as error:
        err.print(str(error), style="red", markup=False)
        raise typer.Exit(2) from error
    if plot:
        _draw(plot, {name: run for name, (run, _) in runs.items()})
    summaries = {name: summary for name, (_, summary) in runs.items()}
    if as_json:
        print(json.dumps(summary_data(summaries, alone=policy != ALL)))
        return
    for table in summary_tables(summaries):
        out.print(table)


def _play(scenario: Scenario, name: str, parameters: dict[str, float]) -> tuple[Run, Summary]:
    """One policy's run, with progress."""
    from simulation.inputs import WrongInput
    from simulation.policies import UnknownPolicy

    began = time.process_time()
    with Progress(*Progress.get_default_columns(), TimeElapsedColumn(), console=err, transient=True) as bar:
        try:
            run, summary = scenario.play(name, parameters, _shown_in(bar, name))
        except UnknownPolicy as error:
            raise WrongInput(f"--policy: {error}") from error
    seconds = time.process_time() - began
    err.print(f"{name}: {len(scenario.arrivals.workload):,} requests in {seconds:.1f} CPU seconds", highlight=False)
    return run, summary


def _draw(plot: Path, runs: Mapping[str, Run]) -> None:
    """Write the plot; where that fails, the numbers are shown all the same."""
    from signalbox.tables.simulation import write_plot

    try:
        write_plot(runs, plot)
        err.print(f"plot: {plot}", highlight=False, markup=False)
    except OSError as error:
        err.print(f"--plot: {plot} cannot be written ({error.strerror})", style="red", markup=False)


def _shown_in(bar: Progress, name: str) -> Callable[[float], None]:
    task = bar.add_task(name, total=1.0)
    return lambda share: bar.update(task, completed=share)


def _say(scenario: Scenario, seconds: float) -> None:
    workload = scenario.arrivals.workload
    lead_in = int((workload.arrival_s < 0).sum())
    err.print(
        f"{len(workload) - lead_in:,} requests in {workload.duration_s / 60:.1f} minutes, {lead_in:,} before; "
        f"trace and predictions took {seconds:.1f} s",
        highlight=False,
    )
