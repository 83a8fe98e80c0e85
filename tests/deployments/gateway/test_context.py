"""A pool that refuses a request for its context: the next larger context is asked, or its 400 is the answer."""

from __future__ import annotations

import asyncio

import fake_pools as fakes
import pytest

from cluster.spec import FleetSpec
from deployments.gateway import gateway as module
from deployments.gateway.gateway import Gateway
from deployments.gateway.pool_client import PoolFailed
from deployments.wire.errors import error_body
from deployments.wire.frames import Chunk, Closed, Opened

CONTEXTS = {"small": 1_000, "moe": 2_000, "large": 4_000}


def refusal(pool, message="This model's maximum context length is exceeded"):
    """The frames of an engine that answers 400."""
    return (Opened(400), Chunk(error_body(400, f"{pool}: {message}")), Closed())


@pytest.fixture
def make(monkeypatch):
    monkeypatch.setattr(module, "GatewayMetrics", fakes.SilentMetrics)

    def make(contexts=CONTEXTS, **pools):
        spec = fakes.SPEC.model_dump(mode="json")
        for name, pool in spec["pools"].items():
            pool["engine"] = {"kind": "vllm", "options": {"max_model_len": contexts[name]}}
        spec["routing"] |= {"artifact": "rules"}
        return Gateway(FleetSpec.model_validate(spec), {name: fakes.FakePool() for name in CONTEXTS} | pools)

    return make


def post(gateway, path="/v1/chat/completions", model="auto", **body):
    async def run():
        async with fakes.client(gateway) as http:
            return await http.post(path, json=fakes.chat(model=model, **body))

    return asyncio.run(run())


@pytest.mark.parametrize("stream", [True, False])
def test_a_refused_request_goes_to_the_next_larger_context(make, stream):
    small, moe = fakes.FakePool(refusal("small")), fakes.FakePool(fakes.STREAM if stream else fakes.WHOLE)
    answer = post(make(small=small, moe=moe), stream=stream)
    assert (answer.status_code, answer.headers["x-signalbox-pool"]) == (200, "moe")
    assert "does not fit small's context" in answer.headers["x-signalbox-reason"]
    assert len(small.requests) == small.closed == len(moe.requests) == 1


def test_the_client_gets_the_last_pools_refusal_if_no_context_is_enough(make):
    pools = {name: fakes.FakePool(refusal(name)) for name in CONTEXTS}
    answer = post(make(**pools))
    assert answer.status_code == 400
    assert answer.json()["error"]["message"].startswith("large:")
    assert [len(pool.requests) for pool in pools.values()] == [1, 1, 1]


def test_equal_contexts_are_not_tried(make):
    pools = {name: fakes.FakePool(refusal(name)) for name in CONTEXTS}
    answer = post(make(contexts=dict.fromkeys(CONTEXTS, 1_000), **pools))
    assert answer.json()["error"]["message"].startswith("small:")
    assert sum(len(pool.requests) for pool in pools.values()) == 1


def test_another_refusal_is_not_tried_again(make):
    moe = fakes.FakePool()
    answer = post(make(small=fakes.FakePool(refusal("small", "temperature is 9")), moe=moe))
    assert (answer.status_code, moe.requests) == (400, [])


def test_a_pinned_request_gets_its_pools_refusal(make):
    moe = fakes.FakePool()
    answer = post(make(small=fakes.FakePool(refusal("small")), moe=moe), model="small")
    assert (answer.status_code, moe.requests) == (400, [])


def test_a_pool_that_may_be_too_short_is_not_asked_first(make):
    small = fakes.FakePool()
    answer = post(make(small=small), content="wall " * 750)  # about 980 tokens, give or take half
    assert (answer.status_code, answer.headers["x-signalbox-pool"], small.requests) == (200, "moe", [])


def test_a_pool_that_is_surely_too_short_is_never_asked(make):
    answer = post(make(), content="wall " * 1_900, model="small")
    assert (answer.status_code, answer.json()["error"]["code"]) == (400, "context_length_exceeded")


def test_a_refusal_gives_way_to_other_failures_of_the_larger_pool(make):
    died = fakes.FakePool((PoolFailed("died"),))
    answer = post(make(small=fakes.FakePool(refusal("small")), moe=died))
    assert (answer.status_code, answer.headers["x-signalbox-pool"]) == (200, "large")
