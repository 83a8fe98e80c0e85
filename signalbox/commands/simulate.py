"""`signalbox simulate`: a spec's fleet under a public trace, on a virtual clock."""

from __future__ import annotations

import json
import time
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from cluster.problems import Problems
from signalbox.commands.simulate_options import ALL, Load, Policies, Starts, choice_of, policies_of, queries_of
from signalbox.console import WRONG_INPUT, JsonOption, SpecArgument, err, exit_on, note, options, out, progress_bar
from signalbox.flatten import flatten

if TYPE_CHECKING:
    from simulation.fleet import Run
    from simulation.scenario import Scenario
    from simulation.summary import Summary


@flatten
def simulate(
    spec: SpecArgument,
    policies: Policies,
    load: Load,
    starts: Starts,
    plot: Annotated[
        Path | None, typer.Option(help="Write load, replicas, queue and KV cache to this HTML file.")
    ] = None,
    as_json: JsonOption = False,
) -> None:
    """Replay a trace against a simulated fleet, and show SLO attainment, latency and cost.

    The router and the scaling policy are the ones that serve. Only the engines are simulated, by a model of their
    timing.
    """
    from signalbox.tables.simulation import summary_data, summary_tables
    from simulation.inputs import WrongInput
    from training.outcome_files import BadFile

    with exit_on(WrongInput, BadFile, status=WRONG_INPUT), options(set_="--set"):
        names, parameters = policies_of(policies)
        if plot and not plot.parent.is_dir():
            raise Problems(plot=f"there is no folder {plot.parent}: create it, or use another path")
        scenario = _scenario(spec, load, starts)
        runs = {name: _play(scenario, name, parameters) for name in names}
    if plot:
        _draw(plot, {name: run for name, (run, _) in runs.items()})
    summaries = {name: summary for name, (_, summary) in runs.items()}
    if as_json:
        print(json.dumps(summary_data(summaries, alone=policies.policy != ALL)))
        return
    for table in summary_tables(summaries):
        out.print(table)


def _scenario(spec: Path, load: Load, starts: Starts) -> Scenario:
    from simulation.inputs import scenario_from

    began = time.perf_counter()
    scenario = scenario_from(spec, choice_of(load, starts), queries_of(load))
    workload = scenario.arrivals.workload
    lead_in = int((workload.arrival_s < 0).sum())
    note(
        f"{len(workload) - lead_in:,} requests in {workload.duration_s / 60:.1f} minutes, {lead_in:,} before; "
        f"trace and predictions took {time.perf_counter() - began:.1f} s"
    )
    return scenario


def _play(scenario: Scenario, name: str, parameters: dict[str, float]) -> tuple[Run, Summary]:
    """One policy's run, with progress."""
    from simulation.policies import UnknownPolicy

    began = time.process_time()
    with progress_bar(name) as progress, exit_on(UnknownPolicy, status=WRONG_INPUT, before="--policy: "):
        run, summary = scenario.play(name, parameters, lambda share: progress(name, round(1000 * share), 1000))
    seconds = time.process_time() - began
    note(f"{name}: {len(scenario.arrivals.workload):,} requests in {seconds:.1f} CPU seconds")
    return run, summary


def _draw(plot: Path, runs: Mapping[str, Run]) -> None:
    """Write the plot; if that fails, the numbers are shown anyway."""
    from signalbox.tables.simulation import write_plot

    try:
        write_plot(runs, plot)
        note(f"plot: {plot}")
    except OSError as error:
        err.print(f"--plot: {plot} cannot be written ({error.strerror})", style="red", markup=False)
