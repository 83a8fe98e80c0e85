"""What `GET /v1/history` says of requests that went through the gateway: pools, answers and costs."""

from __future__ import annotations

import asyncio

import fake_pools as fakes
import pytest
from coefficients import coefficients_file
from fake_board import FakeBoard
from page_gateway import SPEC

from cluster.spec import FleetSpec
from cluster.usage import Usage
from deployments.gateway import gateway as module
from deployments.gateway.gateway import Gateway
from deployments.wire.frames import Chunk, Closed, Opened, Progress

UNSURE = Progress(Usage(50, 4), (-3.0,) * 4, (0.1,) * 4)
TOKENS = 3 * 0.1e-6 + 2 * 1e-6
"""Cost of an answer of `fake_pools` in the small pool: 3 prompt tokens at 0.1 and 2 at 1 a million."""


@pytest.fixture
def make(monkeypatch, tmp_path):
    monkeypatch.setattr(module, "GatewayMetrics", fakes.SilentMetrics)
    board = FakeBoard(tmp_path)
    monkeypatch.setattr(module, "BoardLink", lambda spec: board)

    def make(routing=None, **pools):
        spec = {**SPEC, "routing": routing or {}}
        spec["pools"] = {name: pool | {"engine": {"kind": "vllm"}} for name, pool in SPEC["pools"].items()}
        fleet = FleetSpec.model_validate(spec)
        return Gateway(fleet, {name: fakes.FakePool() for name in fleet.pools} | pools)

    return make


def after(gateway, *requests):
    """Totals of the newest sample after requests of path and body."""

    async def run():
        async with fakes.client(gateway) as http:
            for path, body in requests:
                await http.post(path, json=body)
            await gateway.sync.exchange()
            return (await http.get("/v1/history")).json()["samples"][-1]["totals"]

    return asyncio.run(run())


def test_answers_are_counted_with_what_they_cost_and_would_have_cost(make):
    totals = after(make(), *[("/v1/chat/completions", fakes.chat(model=name)) for name in ("small", "small", "large")])
    assert totals["decisions"] == totals["answers"] == {"small": 2, "large": 1}
    assert totals["cost"] == pytest.approx(2 * TOKENS + 10 * TOKENS)
    assert totals["always_large_cost"] == pytest.approx(3 * 10 * TOKENS)


def test_what_generates_nothing_is_no_query(make):
    small = fakes.FakePool((Opened(200), Chunk(b'{"tokens": [1]}'), Closed(Usage(), None)))
    requests = ("/tokenize", {"model": "small", "prompt": "hi"}), ("/v1/route", {"input": "hi"})
    totals = after(make(small=small), *requests)
    assert small.closed == 1
    assert totals == {"decisions": {}, "answers": {}, "cost": 0.0, "always_large_cost": 0.0}


def test_a_dropped_answer_costs_and_would_not_have_been_in_the_large_pool(make, tmp_path):
    small = fakes.FakePool((Opened(200), UNSURE))
    rule = {"artifact": "rules", "cost_weight": 0, "escalation": {"hold_tokens": 4, "hold_s": 60}}
    rule["escalation"]["model"] = coefficients_file(tmp_path, 4)
    totals = after(make(rule, small=small), ("/v1/chat/completions", fakes.chat(model="auto:cheap")))
    assert totals["decisions"] == {"small": 1}
    (taker,) = totals["answers"]
    assert taker in ("moe", "large")
    dropped = 50 * 0.1e-6 + 4 * 1e-6
    assert totals["cost"] == pytest.approx(dropped + {"moe": 3, "large": 10}[taker] * TOKENS)
    assert totals["always_large_cost"] == pytest.approx(10 * TOKENS)


def test_gateway_replicas_show_what_all_of_them_did(make):
    first, second = make(), make()
    after(first, ("/v1/chat/completions", fakes.chat()))
    assert after(second, ("/v1/chat/completions", fakes.chat(model="moe")))["answers"] == {"small": 1, "moe": 1}
