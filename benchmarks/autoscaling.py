"""All scaling policies on the same loads: baselines tuned by a grid on them, ours with default settings.

    python -m benchmarks.autoscaling run                       # resumes; --again POLICY repeats a policy
    python -m benchmarks.autoscaling report --plot frontier.html

Traces are looked for in $SIGNALBOX_DATA/traces (default ../shared/data): the Azure LLM inference trace 2023 and
Mooncake's conversation trace. Every run is a line of benchmarks/results/autoscaling.jsonl. Ours has one setting here,
the attainment that the spec asks for; each baseline has the grid of docs/baselines.md. The report gives, for every
load, the fewest device-hours with which a policy reached an attainment.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, replace
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.progress import Progress, TimeElapsedColumn
from rich.table import Table

from cluster.loading import PROJECT_ROOT
from demo.queries import demo_queries
from simulation.baselines import GRIDS, Point
from simulation.inputs import Choice, scenario_from
from simulation.policies import OURS
from simulation.scenario import Scenario

SPEC = PROJECT_ROOT / "examples" / "simulation.yaml"
RESULTS = PROJECT_ROOT / "benchmarks" / "results" / "autoscaling.jsonl"
TRACES = Path(os.environ.get("SIGNALBOX_DATA", PROJECT_ROOT.parent / "shared" / "data")) / "traces"
AZURE, MOONCAKE = "AzureLLMInferenceTrace_conv.csv", "mooncake_conversation.jsonl"
LOADS: dict[str, tuple[str, float, bool]] = {
    "azure-x1": (AZURE, 1, False),
    "azure-x1-bursts": (AZURE, 1, True),
    "azure-x10": (AZURE, 10, False),
    "azure-x10-bursts": (AZURE, 10, True),
    "mooncake-x1": (MOONCAKE, 1, False),
}
"""Trace, factor of its request rate, and whether there are bursts."""
OUR_POINTS: list[Point] = [
    {},
    *({"attainment_target": share} for share in (0.7, 0.8, 0.9, 0.92, 0.94, 0.95, 0.97, 0.98, 0.995, 0.997, 0.999)),
]
"""The defaults, and other values of `scaling.attainment_target`."""
ATTAINMENTS = (0.95, 0.99)
KEPT = (
    "slo_attainment",
    "device_hours",
    "floor_device_hours",
    "cost",
    "scale_events",
    "shed",
    "ttft_p99_s",
    "tpot_p99_s",
)
SEED = 0

app = typer.Typer(add_completion=False)
out = Console()


@dataclass(frozen=True)
class Trial:
    """One policy with one set of parameters on one load."""

    load: str
    policy: str
    parameters: tuple[tuple[str, float], ...]


def trials(loads: Iterable[str], policies: Iterable[str], most: int) -> Iterator[Trial]:
    """All trials: every policy's defaults and its grid, or at most `most` evenly spread points of it."""
    for load in loads:
        for policy in policies:
            grid = OUR_POINTS[1:] if policy == OURS else GRIDS[policy]
            points = (
                [{}, *(grid[int((n + 0.5) * len(grid) / most)] for n in range(most))]
                if most < len(grid)
                else [{}, *grid]
            )
            yield from dict.fromkeys(Trial(load, policy, tuple(sorted(point.items()))) for point in points)


@cache
def _scenario(load: str) -> Scenario:
    trace, scale, bursts = LOADS[load]
    choice = Choice(TRACES / trace, scale, bursts, seed=SEED)
    return scenario_from(SPEC, choice, demo_queries(SEED))


def play(trial: Trial) -> dict[str, Any]:
    """The numbers of one run."""
    scenario, parameters = _scenario(trial.load), dict(trial.parameters)
    if trial.policy == OURS:
        scaling = scenario.spec.scaling.model_copy(update=parameters)
        scenario, parameters = replace(scenario, spec=scenario.spec.model_copy(update={"scaling": scaling})), {}
    _, summary = scenario.play(trial.policy, parameters, lambda share: None)
    numbers = summary.as_json()
    named = {"load": trial.load, "policy": trial.policy, "parameters": dict(trial.parameters)}
    return named | {name: numbers[name] for name in KEPT}


def read_results() -> dict[Trial, dict[str, Any]]:
    """Results of earlier runs; the newest run of a trial counts."""
    lines = RESULTS.read_text().splitlines() if RESULTS.exists() else []
    rows = [json.loads(line) for line in lines]
    return {Trial(row["load"], row["policy"], tuple(sorted(row["parameters"].items()))): row for row in rows}


def cheapest(rows: Iterable[dict[str, Any]], attainment: float) -> dict[str, Any] | None:
    """The run with the fewest device-hours among those that reached an attainment."""
    return min(
        (row for row in rows if row["slo_attainment"] >= attainment), key=lambda row: row["device_hours"], default=None
    )


@app.command()
def run(
    load: Annotated[list[str] | None, typer.Option(help=f"Of {', '.join(LOADS)} (repeatable). Default: all.")] = None,
    policy: Annotated[list[str] | None, typer.Option(help="A policy (repeatable). Default: all.")] = None,
    again: Annotated[list[str] | None, typer.Option(help="A policy to run again (repeatable).")] = None,
    points: Annotated[int, typer.Option(min=1, help="Maximum points of each grid, evenly spread.")] = 1_000,
    jobs: Annotated[int, typer.Option(min=1, help="Runs at the same time.")] = 1,
) -> None:
    """Run the trials that have no result yet."""
    done = {trial for trial in read_results() if trial.policy not in (again or ())}
    todo = [trial for trial in trials(load or LOADS, policy or [OURS, *GRIDS], points) if trial not in done]
    RESULTS.parent.mkdir(exist_ok=True)
    columns = (*Progress.get_default_columns(), TimeElapsedColumn())
    with ProcessPoolExecutor(jobs, get_context("spawn")) as pool, Progress(*columns, console=out) as bar:
        task = bar.add_task("runs", total=len(todo))
        for row in pool.map(play, todo):
            with RESULTS.open("a") as file:
                file.write(json.dumps(row) + "\n")
            bar.advance(task)


@app.command()
def report(
    plot: Annotated[Path | None, typer.Option(help="Also write the frontiers to this HTML file.")] = None,
) -> None:
    """A table for each load, and the plot of cost against attainment."""
    rows = list(read_results().values())
    for load in LOADS:
        of_load = [row for row in rows if row["load"] == load]
        if of_load:
            out.print(_table(load, of_load))
    if plot:
        _draw(plot, rows)


def _table(load: str, rows: Sequence[dict[str, Any]]) -> Table:
    policies = list(dict.fromkeys(row["policy"] for row in rows))
    table = Table(title=f"{load}; minimum replicas need {rows[0]['floor_device_hours']:.1f} device-hours")
    table.add_column("policy")
    for name in ("default settings", *(f"fewest device-hours for {share:.0%}" for share in ATTAINMENTS)):
        table.add_column(name, justify="right")
    for policy in policies:
        mine = [row for row in rows if row["policy"] == policy]
        usual = next((row for row in mine if not row["parameters"]), None)
        cells = [_cell(usual, with_parameters=False), *(_cell(cheapest(mine, share)) for share in ATTAINMENTS)]
        table.add_row(policy, *cells)
    return table


def _cell(row: dict[str, Any] | None, *, with_parameters: bool = True) -> str:
    if row is None:
        return "not reached"
    text = f"{row['device_hours']:.1f} h, {row['slo_attainment']:.2%}"
    written = " ".join(f"{name}={value:g}" for name, value in row["parameters"].items())
    return f"{text}\n{written}" if with_parameters and written else text


def _draw(plot: Path, rows: Sequence[dict[str, Any]]) -> None:
    """Misses against device-hours, a plot for each load: left and down is better."""
    from plotly.colors import qualitative
    from plotly.subplots import make_subplots

    loads = [load for load in LOADS if any(row["load"] == load for row in rows)]
    figure = make_subplots(cols=1, rows=len(loads), subplot_titles=loads)
    for place, load in enumerate(loads, start=1):
        for policy, color in zip([OURS, *GRIDS], qualitative.Dark24, strict=False):
            mine = sorted((row["device_hours"], 1 - row["slo_attainment"], str(row["parameters"]))
                          for row in rows if (row["load"], row["policy"]) == (load, policy))  # fmt: skip
            hours, missed, texts = zip(*mine, strict=True) if mine else ((), (), ())
            figure.add_scatter(
                x=hours, y=[max(share, 1e-4) for share in missed], text=texts, name=policy, legendgroup=policy,
                mode="markers+lines" if policy == OURS else "markers", showlegend=place == 1,
                marker={"color": color, "size": 11 if policy == OURS else 7}, row=place, col=1,
            )  # fmt: skip
    figure.update_xaxes(title_text="device-hours", type="log")
    figure.update_yaxes(title_text="share of requests that missed the SLO", type="log")
    figure.update_layout(template="plotly_white", height=500 * len(loads), width=1_100)
    figure.write_html(plot, include_plotlyjs=True)


if __name__ == "__main__":
    began = time.monotonic()
    app()
    print(f"{time.monotonic() - began:.0f} s", file=sys.stderr)
