"""What is counted of answers: times, objectives, tokens, what they cost and would have cost."""

from __future__ import annotations

import asyncio
import hashlib

import fake_pools as fakes
import pytest
from counting_metrics import CountingMetrics

from cluster.spec import FleetSpec
from cluster.usage import Usage
from deployments.gateway import counts as answer_counts
from deployments.gateway import gateway as module
from deployments.gateway.counts import AnswerCounts
from deployments.gateway.gateway import Gateway
from deployments.wire.frames import Chunk, Closed, Opened

PRICES = {"small": 1.0, "moe": 3.0, "large": 10.0}


def spec(large_tier="large", **prices):
    pools = {
        name: {
            "tier": large_tier if name == "large" else name,
            "model": f"org/{name}",
            "engine": {"kind": "simulated"},
            "prices": {"input_per_mtok": 1e6 * price, "output_per_mtok": 2e6 * price},
        }
        for name, price in (PRICES | prices).items()
    }
    keys = {"alice": {"sha256": hashlib.sha256(b"sk-a").hexdigest()}}
    scaling = {"ttft_target_s": 2.0, "tpot_target_s": 0.1}
    gateway = {"api_keys": keys, "request_timeout_s": 5.0}
    return FleetSpec.model_validate(
        {"pools": pools, "scaling": scaling, "gateway": gateway, "routing": {"artifact": "rules"}}
    )


@pytest.fixture
def make(monkeypatch):
    monkeypatch.setattr(module, "GatewayMetrics", CountingMetrics)
    return lambda fleet, **pools: Gateway(fleet, {name: fakes.FakePool() for name in fleet.pools} | pools)


def chat(gateway, **body):
    async def run():
        async with fakes.client(gateway) as http:
            headers = {"authorization": "Bearer sk-a"}
            return await http.post("/v1/chat/completions", json=fakes.chat(**body), headers=headers)

    return asyncio.run(run())


def script(usage, streams):
    parts = (Chunk(b"data: a\n\n"), Chunk(b"data: b\n\n")) if streams else (Chunk(fakes.ANSWER),)
    return fakes.FakePool((Opened(200, streams=streams), *parts, Closed(usage, "stop")))


@pytest.mark.parametrize("streams", [True, False])
def test_an_answer_is_counted_by_pool_and_by_tenant(make, streams):
    usage = Usage(prompt_tokens=30, completion_tokens=5, cached_tokens=16)
    gateway = make(spec(), small=script(usage, streams))
    assert chat(gateway, stream=streams).status_code == 200
    metrics = gateway.metrics
    assert metrics.prompt_tokens.at(pool="small") == metrics.tenant_tokens.at(tenant="alice", kind="prompt") == 30
    assert (
        metrics.completion_tokens.at(pool="small") == metrics.tenant_tokens.at(tenant="alice", kind="completion") == 5
    )
    assert metrics.cached_tokens.at(pool="small") == 16
    assert metrics.realised_cost.at(pool="small") == metrics.tenant_cost.at(tenant="alice") == pytest.approx(40)
    assert metrics.always_large_cost.at(pool="small") == pytest.approx(400)
    assert metrics.slo_answers.at(pool="small") == metrics.slo_met.at(pool="small") == 1
    assert metrics.slo_missed.values == {}
    seen = {name: len(getattr(metrics, name).observed) for name in ("ttft", "tpot", "e2e")}
    assert seen == {"ttft": int(streams), "tpot": int(streams), "e2e": 1}


def test_without_a_large_tier_nothing_is_compared(make):
    gateway = make(spec(large_tier="moe"))
    chat(gateway)
    assert gateway.metrics.always_large_cost.values == {}


def test_a_pool_without_a_price_answers_for_nothing(make):
    """Ray's counters refuse to count 0, which would fail the request."""
    gateway = make(spec(small=0.0))
    assert chat(gateway, model="auto:cheap").status_code == 200
    assert gateway.metrics.realised_cost.values == {}
    assert gateway.metrics.completion_tokens.at(pool="small") == fakes.USAGE.completion_tokens


def test_what_is_no_text_has_no_objectives(make):
    gateway = make(spec())

    async def run():
        async with fakes.client(gateway) as http:
            headers = {"authorization": "Bearer sk-a"}
            return await http.post("/tokenize", json={"prompt": "hi", "model": "small"}, headers=headers)

    assert asyncio.run(run()).status_code == 200
    assert gateway.metrics.slo_answers.values == {}
    assert gateway.metrics.e2e.observed == {}


@pytest.mark.parametrize(
    ("first", "now", "tokens", "misses"),
    [
        (11.9, 12.9, 11, set()),
        (12.1, 12.2, 11, {"ttft"}),
        (10.5, 11.6, 11, {"tpot"}),
        (12.5, 14.0, 11, {"ttft", "tpot"}),
        (10.5, 10.5, 1, set()),
        (None, 12.9, 11, set()),
        (None, 13.1, 11, {"ttft", "tpot"}),  # nobody can tell which
    ],
)
def test_objectives_are_counted_from_the_arrival(monkeypatch, first, now, tokens, misses):
    monkeypatch.setattr(answer_counts.time, "perf_counter", lambda: now)
    metrics, fleet = CountingMetrics(), spec()
    AnswerCounts(fleet.scaling, metrics).complete("moe", 10.0, first, Usage(5, tokens))
    assert {dict(key)["objective"] for key in metrics.slo_missed.values} == misses
    assert (metrics.slo_met.at(pool="moe") == 1) == (not misses)
    assert metrics.slo_answers.at(pool="moe") == 1


def test_time_per_token_is_of_the_tokens_after_the_first(monkeypatch):
    monkeypatch.setattr(answer_counts.time, "perf_counter", lambda: 14.0)
    metrics, fleet = CountingMetrics(), spec()
    counts = AnswerCounts(fleet.scaling, metrics)
    counts.complete("moe", 10.0, 12.0, Usage(5, 11))
    counts.complete("moe", 10.0, 12.0, Usage(5, 1))  # has no such tokens
    counts.complete("moe", 10.0, 12.0, Usage())  # an engine that does not count them
    assert metrics.tpot.observed == {(("pool", "moe"),): [pytest.approx(0.2)]}
    assert metrics.e2e.observed == {(("pool", "moe"),): [4.0, 4.0, 4.0]}
