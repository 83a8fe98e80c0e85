"""`signalbox bench`: measure a running fleet (`demo`), or engines on a fleet started for it (`engines`)."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import Progress, TimeElapsedColumn

from benchmarks.demo_report import comparison_table, level_table
from benchmarks.demo_tasks import Endpoint, ask_tasks, summary
from demo.tasks import generate_tasks
from deployments.start_watch import FleetFailed
from signalbox.client import DEFAULT_URL, EndpointError, authorization, fleet_pools
from signalbox.console import FAILED, WRONG_INPUT, JsonOption, UrlOption, exit_on, fail

bench = typer.Typer(name="bench", help="Measure fleets and engines.", no_args_is_help=True)


@bench.command("demo")
def demo(
    count: Annotated[int, typer.Option(help="Tasks, spread evenly over the three levels.", min=3)] = 300,
    seed: Annotated[int, typer.Option(help="Random seed of the tasks.")] = 20_001,
    model: Annotated[
        str, typer.Option(help="`auto`, a preference such as `auto:cheap`, or a name that pins a pool.")
    ] = "auto",
    against: Annotated[
        list[str] | None, typer.Option(help="Also send every task to this pool, for comparison (repeatable).")
    ] = None,
    concurrency: Annotated[int, typer.Option(help="Concurrent requests.", min=1)] = 8,
    url: UrlOption = DEFAULT_URL,
    as_json: JsonOption = False,
) -> None:
    """Ask the demo tasks, half of them in wordings that no training used; show accuracy, pools and cost.

    With `--against small --against moe --against large`, costs and answers are also compared with a perfect router.
    """
    out = Console(stderr=as_json)
    with exit_on(EndpointError, status=FAILED):
        pools = fleet_pools(url)
    endpoint = Endpoint(url, authorization(), {name: pool["prices"] for name, pool in pools.items()})
    tasks = generate_tasks(count, seed=seed, fresh=None)
    results = ask_tasks(endpoint, tasks, model, concurrency, out)
    others = {name: ask_tasks(endpoint, tasks, name, concurrency, out) for name in against or ()}
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
    concurrency: Annotated[
        list[int] | None, typer.Option(help="Concurrent requests (repeatable). Default: 1, 8, 32.", min=1)
    ] = None,
    plot: Annotated[Path | None, typer.Option(help="Write charts to this HTML file.")] = None,
    as_json: JsonOption = False,
) -> None:
    """Run one workload of mixed lengths on transformers, DeepSpeed and vLLM, on a local fleet started for it."""
    from benchmarks import engine_report
    from benchmarks.engines import run

    if not (Path(model) / "config.json").is_file():
        fail(f"--model: invalid value '{model}', use a folder with a model", WRONG_INPUT)
    out = Console(stderr=as_json)
    with (
        exit_on(FleetFailed, status=FAILED),
        Progress(*Progress.get_default_columns(), TimeElapsedColumn(), console=out) as progress,
    ):
        task = progress.add_task("starting", total=None)
        rows = run(
            str(Path(model).resolve()),
            tensor,
            concurrency or [1, 8, 32],
            on_step=lambda text: progress.update(task, description=text),
            on_request=lambda done, total: progress.update(task, completed=done, total=total),
        )
    if plot:
        engine_report.write_plot(rows, plot)
        out.print(f"charts: {plot}", highlight=False)
    print(engine_report.as_json(rows)) if as_json else out.print(engine_report.table(rows))
