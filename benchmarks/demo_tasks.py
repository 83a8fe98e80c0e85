"""The demo tasks through a running endpoint: who answered, how well, for how much, and beside fixed pools."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import httpx
from rich.console import Console
from rich.progress import track
from rich.table import Table

from demo.tasks import LEVELS, Task, grade
from signalbox.client import authorization

MAX_TOKENS = 200
TIMEOUT_S = 300.0

Prices = Mapping[str, Mapping[str, float]]
"""By pool: `input_per_mtok` and `output_per_mtok`, as in the spec."""


@dataclass(frozen=True)
class Graded:
    """One task's answer through the endpoint."""

    task: Task
    pool: str
    correct: bool
    status: int
    cost: float = 0.0
    """Tokens of all pools that were asked times their prices, in the spec's currency."""
    escalated: bool = False
    """Another pool's answer was dropped before this one."""


def ask_tasks(
    url: str, tasks: Sequence[Task], model: str, concurrency: int, prices: Prices, out: Console
) -> list[Graded]:
    """Ask all tasks, some at a time; answers come in the order of the tasks."""
    return asyncio.run(_ask_all(url, tasks, model, concurrency, prices, out))


async def _ask_all(
    url: str, tasks: Sequence[Task], model: str, concurrency: int, prices: Prices, out: Console
) -> list[Graded]:
    gate = asyncio.Semaphore(concurrency)
    async with httpx.AsyncClient(base_url=url, timeout=TIMEOUT_S, headers=authorization()) as client:

        async def ask(task: Task) -> Graded:
            async with gate:
                return await ask_one(client, task, model, prices)

        pending = [asyncio.create_task(ask(task)) for task in tasks]
        for one in track(asyncio.as_completed(pending), f"asking {model}", total=len(tasks), console=out):
            await one
        return [task.result() for task in pending]


async def ask_one(client: httpx.AsyncClient, task: Task, model: str, prices: Prices) -> Graded:
    """Ask one task and grade the answer; errors are failures, not exceptions."""
    messages = [{"role": "user", "content": task.prompt}]
    body = {"model": model, "messages": messages, "temperature": 0, "max_tokens": MAX_TOKENS}
    try:
        answer = await client.post("/v1/chat/completions", json=body)
    except httpx.HTTPError:
        return Graded(task, "", False, 0)
    if answer.status_code != 200:
        return Graded(task, "", False, answer.status_code)
    said, pool = answer.json(), answer.headers["x-signalbox-pool"]
    price, usage = prices.get(pool, {}), said["usage"]
    tokens = {"input_per_mtok": usage["prompt_tokens"], "output_per_mtok": usage["completion_tokens"]}
    own = sum(count * price.get(name, 0.0) for name, count in tokens.items()) / 1e6
    cost = own + float(answer.headers.get("x-signalbox-extra-cost", 0.0))
    text = said["choices"][0]["message"]["content"] or ""
    return Graded(task, pool, grade(task, text), 200, cost, "x-signalbox-escalated-from" in answer.headers)


# -- what it comes to ------------------------------------------------------------------------------------------------


def summary(results: Iterable[Graded], against: Mapping[str, Sequence[Graded]] | None = None) -> dict[str, Any]:
    """Per level: tasks, accuracy by wording, mean cost, share of each pool and of escalations. Fractions are 0..1.

    With `against`, answers of fixed pools to the same tasks: their rows, what a router without errors would have
    reached (the cheapest right answer; the cheapest one where none is right), and what part of its saving was.
    """
    results = list(results)
    rows = {str(level): _row([r for r in results if r.task.level == level]) for level in LEVELS}
    report = {"levels": rows, "all": _row(results)}
    return report | _compared(report["all"], against) if against else report


def _row(results: Sequence[Graded]) -> dict[str, Any]:
    seen, fresh = ([r for r in results if r.task.fresh is flag] for flag in (False, True))
    pools = Counter(r.pool or "none" for r in results)
    return {
        "tasks": len(results),
        "accuracy": _accuracy(results),
        "accuracy_seen_wordings": _accuracy(seen),
        "accuracy_fresh_wordings": _accuracy(fresh),
        "failed": sum(r.status != 200 for r in results),
        "mean_cost": sum(r.cost for r in results) / len(results) if results else None,
        "escalated_share": sum(r.escalated for r in results) / len(results) if results else None,
        "pool_share": {pool: count / len(results) for pool, count in sorted(pools.items())},
    }


def _accuracy(results: Sequence[Graded]) -> float | None:
    return sum(r.correct for r in results) / len(results) if results else None


def _compared(routed: dict[str, Any], against: Mapping[str, Sequence[Graded]]) -> dict[str, Any]:
    rows = {name: _row(results) for name, results in against.items()}
    best = [
        min(answers, key=lambda answer: (not answer.correct, answer.cost))
        for answers in zip(*against.values(), strict=True)
    ]
    perfect = _row(best)
    dearest = max(rows.values(), key=lambda row: row["mean_cost"])
    possible = dearest["mean_cost"] - perfect["mean_cost"]
    return {
        "against": rows,
        "perfect": perfect,
        "accuracy_of_dearest": routed["accuracy"] / dearest["accuracy"] if dearest["accuracy"] else None,
        "cost_of_dearest": routed["mean_cost"] / dearest["mean_cost"] if dearest["mean_cost"] else None,
        "saving_of_perfect": (dearest["mean_cost"] - routed["mean_cost"]) / possible if possible else None,
    }


# -- tables ----------------------------------------------------------------------------------------------------------


def level_table(report: Mapping[str, Any]) -> Table:
    """Accuracy, pool share, escalations and cost per level of a summary."""
    pools = sorted(report["all"]["pool_share"], key=lambda p: ("small", "moe", "large", p).index(p))
    table = Table(title="demo tasks through the endpoint")
    shares = (f"to {pool}" for pool in pools)
    for column in ("level", "tasks", "correct", "seen", "fresh", "failed", *shares, "escalated", "cost/1k"):
        table.add_column(column, justify="right")
    for level, row in [*report["levels"].items(), ("all", report["all"])]:
        shares = (f"{row['pool_share'].get(pool, 0):.0%}" for pool in pools)
        correct = (_percent(row[key]) for key in ("accuracy", "accuracy_seen_wordings", "accuracy_fresh_wordings"))
        table.add_row(level, str(row["tasks"]), *correct, str(row["failed"]), *shares, *_money(row))
    return table


def comparison_table(report: Mapping[str, Any], name: str) -> Table:
    """A summary's routed answers beside fixed pools and a router without errors."""
    table = Table(title="the same tasks, otherwise")
    for column in ("answered by", "correct", "seen", "fresh", "escalated", "cost/1k"):
        table.add_column(column, justify="left" if column == "answered by" else "right")
    rows = {name: report["all"], **report["against"], "perfect router": report["perfect"]}
    for label, row in rows.items():
        correct = (_percent(row[key]) for key in ("accuracy", "accuracy_seen_wordings", "accuracy_fresh_wordings"))
        table.add_row(label, *correct, *_money(row))
    accuracy, saving = report["accuracy_of_dearest"], report["saving_of_perfect"]
    share = f"{_percent(accuracy)} of the dearest pool's accuracy, {_percent(saving)} of the perfect router's saving"
    table.caption = f"{name}: {share}"
    return table


def _money(row: Mapping[str, Any]) -> tuple[str, str]:
    cost = row["mean_cost"]
    return _percent(row["escalated_share"]), "-" if not cost else f"{1000 * cost:.3g}"


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{value:.1%}"
