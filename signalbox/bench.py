"""`signalbox bench`: measurements, of a running fleet (`demo`) or of engines on a fleet of their own (`engines`)."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import httpx
import typer
from rich.console import Console
from rich.progress import Progress, TimeElapsedColumn, track
from rich.table import Table

from demo.tasks import LEVELS, Task, generate_tasks, grade
from deployments.local import FleetFailed
from signalbox.client import DEFAULT_URL, EndpointError, get_json

MAX_TOKENS = 200
TIMEOUT_S = 300.0

bench = typer.Typer(help="Measure fleets and engines.", no_args_is_help=True)


@dataclass(frozen=True)
class Graded:
    """One task's answer through the endpoint."""

    task: Task
    pool: str
    correct: bool
    status: int


@bench.command("demo")
def demo(
    count: Annotated[int, typer.Option(help="Tasks, spread evenly over the three levels.", min=3)] = 300,
    seed: Annotated[int, typer.Option(help="Seed of the tasks.")] = 20_001,
    model: Annotated[str, typer.Option(help="`auto`, or a name that pins a pool, for comparison.")] = "auto",
    concurrency: Annotated[int, typer.Option(help="Requests at a time.", min=1)] = 8,
    url: Annotated[str, typer.Option(help="The endpoint of a running fleet.")] = DEFAULT_URL,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")] = False,
) -> None:
    """Ask the demo tasks, half of them in wordings no training saw, grade the answers, show who answered."""
    out = Console(stderr=as_json)
    try:
        get_json(url, "/health")
    except EndpointError as error:
        Console(stderr=True).print(str(error), style="red", markup=False)
        raise typer.Exit(1) from error
    tasks = generate_tasks(count, seed=seed, fresh=None)
    results = asyncio.run(_ask_all(url, tasks, model, concurrency, out))
    if as_json:
        print(json.dumps(summary(results)))
    else:
        out.print(level_table(results))


@bench.command("engines")
def engines(
    model: Annotated[str, typer.Option(help="A model folder.")] = "demo/models/large",
    tensor: Annotated[int, typer.Option(help="Tensor-parallel ranks of the vllm and deepspeed engines.", min=1)] = 1,
    concurrency: Annotated[list[int] | None, typer.Option(help="Requests at a time. Default: 1, 8, 32.", min=1)] = None,
    plot: Annotated[Path | None, typer.Option(help="Write charts to this HTML file.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Run one workload of mixed lengths on transformers, DeepSpeed and vLLM, on a local fleet started for it."""
    from signalbox import bench_engines

    if not (Path(model) / "config.json").is_file():
        Console(stderr=True).print(f"--model: found '{model}': write a model folder", style="red", markup=False)
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
        Console(stderr=True).print(str(error), style="red", markup=False)
        raise typer.Exit(1) from error
    if plot:
        bench_engines.write_plot(rows, plot)
        out.print(f"charts: {plot}", highlight=False)
    print(bench_engines.as_json(rows)) if as_json else out.print(bench_engines.table(rows))


async def _ask_all(url: str, tasks: Sequence[Task], model: str, concurrency: int, out: Console) -> list[Graded]:
    gate = asyncio.Semaphore(concurrency)
    async with httpx.AsyncClient(base_url=url, timeout=TIMEOUT_S) as client:

        async def ask(task: Task) -> Graded:
            async with gate:
                return await _ask(client, task, model)

        pending = [asyncio.create_task(ask(task)) for task in tasks]
        done = asyncio.as_completed(pending)
        return [await one for one in track(done, "asking", total=len(tasks), console=out)]


async def _ask(client: httpx.AsyncClient, task: Task, model: str) -> Graded:
    messages = [{"role": "user", "content": task.prompt}]
    body = {"model": model, "messages": messages, "temperature": 0, "max_tokens": MAX_TOKENS}
    try:
        answer = await client.post("/v1/chat/completions", json=body)
    except httpx.HTTPError:
        return Graded(task, "", False, 0)
    if answer.status_code != 200:
        return Graded(task, "", False, answer.status_code)
    text = answer.json()["choices"][0]["message"]["content"] or ""
    return Graded(task, answer.headers["x-signalbox-pool"], grade(task, text), 200)


def summary(results: Iterable[Graded]) -> dict[str, Any]:
    """Per level: tasks, accuracy by wording, and the share of each pool. Fractions are 0..1."""
    results = list(results)
    rows = {str(level): _row([r for r in results if r.task.level == level]) for level in LEVELS}
    return {"levels": rows, "all": _row(results)}


def _row(results: Sequence[Graded]) -> dict[str, Any]:
    seen, fresh = ([r for r in results if r.task.fresh is flag] for flag in (False, True))
    pools = Counter(r.pool or "none" for r in results)
    return {
        "tasks": len(results),
        "accuracy": _accuracy(results),
        "accuracy_seen_wordings": _accuracy(seen),
        "accuracy_fresh_wordings": _accuracy(fresh),
        "failed": sum(r.status != 200 for r in results),
        "pool_share": {pool: count / len(results) for pool, count in sorted(pools.items())},
    }


def _accuracy(results: Sequence[Graded]) -> float | None:
    return sum(r.correct for r in results) / len(results) if results else None


def level_table(results: Sequence[Graded]) -> Table:
    """Accuracy and pool share per level."""
    report = summary(results)
    pools = sorted(report["all"]["pool_share"], key=lambda p: ("small", "moe", "large", p).index(p))
    table = Table(title="demo tasks through the endpoint")
    columns = (
        "level",
        "tasks",
        "correct",
        "seen wordings",
        "fresh wordings",
        "failed",
        *(f"to {p}" for p in pools),
    )
    for column in columns:
        table.add_column(column, justify="right")
    for level, row in [*report["levels"].items(), ("all", report["all"])]:
        shares = [f"{row['pool_share'].get(pool, 0):.0%}" for pool in pools]
        correct = [_percent(row[key]) for key in ("accuracy", "accuracy_seen_wordings", "accuracy_fresh_wordings")]
        table.add_row(level, str(row["tasks"]), *correct, str(row["failed"]), *shares)
    return table


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{value:.0%}"
