"""The demo tasks through a running endpoint: pools, accuracy and cost, compared with fixed pools."""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import httpx
from rich.console import Console
from rich.progress import track

from demo.tasks import LEVELS, Task, grade

MAX_TOKENS = 200
TIMEOUT_S = 300.0

Prices = Mapping[str, Mapping[str, float]]
"""By pool: `input_per_mtok` and `output_per_mtok`, as in the spec."""


@dataclass(frozen=True)
class Endpoint:
    """The endpoint of a running fleet."""

    url: str
    headers: Mapping[str, str]
    """Sent with every request, such as the API key."""
    prices: Prices


@dataclass(frozen=True)
class Graded:
    """One task's answer through the endpoint."""

    task: Task
    pool: str
    correct: bool
    status: int
    cost: float = 0.0
    """Cost of the tokens of all pools that were asked, in the spec's currency."""
    escalated: bool = False
    """Whether another pool's answer was dropped before this one."""


def ask_tasks(endpoint: Endpoint, tasks: Sequence[Task], model: str, concurrency: int, out: Console) -> list[Graded]:
    """Ask all tasks, `concurrency` at a time; answers are in the order of the tasks."""
    return asyncio.run(_ask_all(endpoint, tasks, model, concurrency, out))


async def _ask_all(
    endpoint: Endpoint, tasks: Sequence[Task], model: str, concurrency: int, out: Console
) -> list[Graded]:
    gate = asyncio.Semaphore(concurrency)
    headers = dict(endpoint.headers)
    # The group ends inside the client: after Ctrl-C, no task asks a client that is closed.
    async with (
        httpx.AsyncClient(base_url=endpoint.url, timeout=TIMEOUT_S, headers=headers) as client,
        asyncio.TaskGroup() as group,
    ):

        async def ask(task: Task) -> Graded:
            async with gate:
                return await ask_one(client, task, model, endpoint.prices)

        pending = [group.create_task(ask(task)) for task in tasks]
        for one in track(asyncio.as_completed(pending), f"asking {model}", total=len(tasks), console=out):
            await one
        return [task.result() for task in pending]


async def ask_one(client: httpx.AsyncClient, task: Task, model: str, prices: Prices) -> Graded:
    """Ask one task and grade the answer. Errors are counted as failures and not raised."""
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


# -- summary --------------------------------------------------------------------------------------------------------


def summary(results: Iterable[Graded], against: Mapping[str, Sequence[Graded]] | None = None) -> dict[str, Any]:
    """Tasks, accuracy by wording, mean cost, share of each pool and of escalations, by level. Fractions are 0..1.

    Args:
        against: answers of fixed pools to the same tasks. The summary then also has a row for each pool, a row for a
            perfect router (the cheapest right answer, or the cheapest answer if none is right), and the share of its
            savings that was reached.
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
    priciest = max(rows.values(), key=lambda row: row["mean_cost"])
    possible = priciest["mean_cost"] - perfect["mean_cost"]
    return {
        "against": rows,
        "perfect": perfect,
        "accuracy_of_dearest": routed["accuracy"] / priciest["accuracy"] if priciest["accuracy"] else None,
        "cost_of_dearest": routed["mean_cost"] / priciest["mean_cost"] if priciest["mean_cost"] else None,
        "saving_of_perfect": (priciest["mean_cost"] - routed["mean_cost"]) / possible if possible else None,
    }
