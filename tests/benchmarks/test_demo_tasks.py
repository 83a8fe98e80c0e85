"""The demo benchmark: one answer's grade and cost, and the summary compared with fixed pools."""

from __future__ import annotations

import asyncio
import io
import json

import httpx
import pytest
from rich.console import Console

from benchmarks import demo_tasks
from benchmarks.demo_report import comparison_table, level_table
from benchmarks.demo_tasks import Graded, ask_one, summary
from demo.tasks import Task, generate_tasks

TASKS = generate_tasks(6, seed=1, fresh=None)
TASK = Task(1, "add", "What is 7 + 5?", "12", False, "7 + 5 = 12")
PRICES = {"small": {"input_per_mtok": 1.0, "output_per_mtok": 10.0}}


def ask(handler):
    async def run():
        transport = httpx.MockTransport(handler)
        async with httpx.AsyncClient(transport=transport, base_url="http://fleet") as client:
            return await ask_one(client, TASK, "auto", PRICES)

    return asyncio.run(run())


def answer(text, pool="small", **headers):
    usage = {"prompt_tokens": 100, "completion_tokens": 10}
    body = {"choices": [{"message": {"content": text}}], "usage": usage}
    return httpx.Response(200, json=body, headers={"x-signalbox-pool": pool, **headers})


def test_an_answer_costs_its_tokens_and_what_was_dropped_before_it():
    plain = ask(lambda request: answer("7 + 5 = 12"))
    assert (plain.correct, plain.pool, plain.escalated) == (True, "small", False)
    assert plain.cost == pytest.approx((100 * 1 + 10 * 10) / 1e6)
    dropped = {"x-signalbox-escalated-from": "moe", "x-signalbox-extra-cost": "0.5"}
    escalated = ask(lambda request: answer("13", **dropped))
    assert (escalated.correct, escalated.escalated) == (False, True)
    assert escalated.cost == pytest.approx(plain.cost + 0.5)


def test_a_pool_without_a_price_costs_nothing():
    assert ask(lambda request: answer("12", pool="other")).cost == 0


def refuse(request):
    return httpx.Response(503, json={"error": {}})


def break_off(request):
    raise httpx.ReadError("gone")


@pytest.mark.parametrize(("handler", "status"), [(refuse, 503), (break_off, 0)])
def test_failures_are_counted(handler, status):
    assert ask(handler) == Graded(TASK, "", False, status)


def graded(pool, cost, rights, escalated=False):
    return [Graded(task, pool, right, 200, cost, escalated) for task, right in zip(TASKS, rights, strict=True)]


SMALL = graded("small", 1.0, [True, False, True, False, False, False])
LARGE = graded("large", 10.0, [True, True, True, True, True, False])
ROUTED = [*SMALL[:3], *graded("large", 11.0, [True] * 6, escalated=True)[3:]]


def test_summary_by_level():
    report = summary(ROUTED)
    assert report["all"]["accuracy"] == pytest.approx(5 / 6)
    assert report["all"]["escalated_share"] == 0.5
    assert report["all"]["mean_cost"] == pytest.approx(6.0)
    assert report["all"]["pool_share"] == {"large": 0.5, "small": 0.5}
    assert [row["tasks"] for row in report["levels"].values()] == [2, 2, 2]
    assert "against" not in report


def test_fixed_pools_tell_what_a_router_without_errors_would_save():
    report = summary(ROUTED, {"small": SMALL, "large": LARGE})
    # small is right on two tasks, large on three others; nobody is on the last, which the cheapest answers
    assert report["perfect"]["accuracy"] == pytest.approx(5 / 6)
    assert report["perfect"]["mean_cost"] == pytest.approx((3 * 1 + 3 * 10) / 6)
    assert report["accuracy_of_dearest"] == pytest.approx(1.0)
    assert report["cost_of_dearest"] == pytest.approx(0.6)
    assert report["saving_of_perfect"] == pytest.approx((10 - 6) / (10 - 5.5))


def test_reports_are_json_and_tables():
    report = json.loads(json.dumps(summary(ROUTED, {"large": LARGE})))
    assert level_table(report).row_count == 4
    assert comparison_table(report, "auto").row_count == 3


def test_nothing_answered_is_a_report_too():
    failed = [Graded(task, "", False, 503) for task in TASKS]
    report = summary(failed, {"large": failed})
    assert report["all"]["failed"] == 6
    assert report["accuracy_of_dearest"] is report["saving_of_perfect"] is None
    assert comparison_table(report, "auto").row_count == 3


def test_tasks_end_before_their_client(monkeypatch):
    """A task that outlives the client ends with a traceback: "the client has been closed"."""
    asked, ended = [], []

    async def ask_one(client, task, model, prices):
        asked.append(task)
        try:
            await asyncio.Event().wait()
        finally:
            ended.append(client.is_closed)

    async def interrupted():
        asking = asyncio.create_task(
            demo_tasks._ask_all(
                demo_tasks.Endpoint("http://127.0.0.1:1", {}, {}),
                TASKS,
                "auto",
                3,
                Console(file=io.StringIO()),
            )
        )
        while len(asked) < 3:
            await asyncio.sleep(0)
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking
        return list(ended)

    monkeypatch.setattr(demo_tasks, "ask_one", ask_one)
    assert asyncio.run(interrupted()) == [False] * 3
