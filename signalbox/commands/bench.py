"""`signalbox bench`: measurements, of a running fleet (`demo`) or of engines on a fleet of their own (`engines`)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress, TimeElapsedColumn

from benchmarks.demo_tasks import ask_tasks, comparison_table, level_table, summary
from demo.tasks import generate_tasks
from deployments.local.fleet import FleetFailed
from signalbox.client import DEFAULT_URL, EndpointError, get_json

bench = typer.Typer(help="Measure fleets and engines.", no_args_is_help=True)


@bench.command("demo")
def demo(
    count: Annotated[int, typer.Option(help="Tasks, spread evenly over the three levels.", min=3)] = 300,
    seed: Annotated[int, typer.Option(help="Seed of the tasks.")] = 20_001,
    model: Annotated[
        str, typer.Option(help="`auto`, a wish such as `auto:cheap`, or a name that pins a pool.")
    ] = "auto",
    against: Annotated[
        list[str] | None, typer.Option(help="Also ask this pool everything; repeat it for more.")
    ] = None,
    concurrency: Annotated[int, typer.Option(help="Requests at a time.", min=1)] = 8,
    url: Annotated[str, typer.Option(help="The endpoint of a running fleet.")] = DEFAULT_URL,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")] = False,
) -> None:
    """Ask the demo tasks, half of them in wordings no training saw, grade the answers, show who answered for how much.

    With `--against small --against moe --against large` the costs and answers of a router without errors are known.
    """
    out = Console(stderr=as_json)
    try:
        pools = get_json(url, "/v1/fleet")["pools"]
    except EndpointError as error:
        Console(stderr=True, soft_wrap=True).print(str(error), style="red", markup=False)
        raise typer.Exit(1) from error
    tasks = generate_tasks(count, seed=seed, fresh=None)
    prices = {name: pool["prices"] for name, pool in pools.items()}
    results = ask_tasks(url, tasks, model, concurrency, prices, out)
    others = {name: ask_tasks(url, tasks, name, concurrency, prices, out) for name in against or ()}
    report = summary(results, others)
    if as_json:
        print(json.dumps(report))
        return
    out.print(level_table(report))
    if others:
        out.print(comparison_table(report, model))


@bench.command("engines")
def engines(
    model: Annotated[str, typer.Option(help="A model folder.")] = "demo/models/large",
    tensor: Annotated[int, typer.Option(help="Tensor-parallel ranks of the vllm and deepspeed engines.", min=1)] = 1,
    concurrency: Annotated[list[int] | None, typer.Option(help="Requests at a time. Default: 1, 8, 32.", min=1)] = None,
    plot: Annotated[Path | None, typer.Option(help="Write charts to this HTML file.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Run one workload of mixed lengths on transformers, DeepSpeed and vLLM, on a local fleet started for it."""
    from benchmarks import engines as bench_engines

    if not (Path(model) / "config.json").is_file():
        Console(stderr=True, soft_wrap=True).print(
            f"--model: found '{model}': write a model folder", style="red", markup=False
        )
        raise typer.Exit(2)
    out = Console(stderr=as_json)
    try:
        with Progress(*Progress.get_default_columns(), TimeElapsedColumn(), console=out) as progress:
            task = progress.add_task("starting", total=None)
            rows = bench_engines.run(
                str(Path(model).resolve()),
                tensor,
                concurrency or [1, 8, 32],
                said=lambda text: progress.update(task, description=text),
                asked=lambda done, total: progress.update(task, completed=done, total=total),
            )
    except FleetFailed as error:
        Console(stderr=True, soft_wrap=True).print(str(error), style="red", markup=False)
        raise typer.Exit(1) from error
    if plot:
        bench_engines.write_plot(rows, plot)
        out.print(f"charts: {plot}", highlight=False)
    print(bench_engines.as_json(rows)) if as_json else out.print(bench_engines.table(rows))
