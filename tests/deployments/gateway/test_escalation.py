"""Second opinions through the gateway: what the client gets, what is cancelled, counted and said."""

from __future__ import annotations

import asyncio
import json

import fake_pools as fakes
import pytest
from coefficients import coefficients_file

from cluster.spec import FleetSpec
from cluster.usage import Usage
from deployments.gateway import gateway as module
from deployments.gateway.gateway import Gateway
from deployments.gateway.pool_client import PoolBusy, PoolFailed
from deployments.wire.frames import Chunk, Closed, Opened, Progress

UNSURE = Progress(Usage(50, 4), (-3.0,) * 4, (0.1,) * 4)
SURE = Progress(Usage(50, 4), (-0.01,) * 4, (5.0,) * 4)
"""Four tokens at once, which is all that is held back."""


def stream(progress, text=b"data: cheap\n\n"):
    return (Opened(200, streams=True), progress, Chunk(text, (1, 2, 3, 4)), Closed(Usage(50, 9), "stop"))


def whole(progress, data=b'{"id": "cheap"}'):
    return (progress, Opened(200), Chunk(data, (1, 2, 3, 4)), Closed(Usage(50, 9), "stop"))


@pytest.fixture
def make(monkeypatch, tmp_path):
    file = coefficients_file(tmp_path, 4)
    monkeypatch.setattr(module, "GatewayMetrics", fakes.SilentMetrics)

    def make(rule=None, **pools):
        spec = fakes.SPEC.model_dump(mode="json")
        for name, pool in spec["pools"].items():
            price = {"small": 1, "moe": 3, "large": 10}[name]
            pool |= {"engine": {"kind": "vllm"}, "prices": {"input_per_mtok": price, "output_per_mtok": price}}
        spec["routing"] |= {
            "artifact": "rules",
            "cost_weight": 0,
            "escalation": {"hold_tokens": 4, "hold_s": 60, "model": file, **(rule or {})},
        }
        given = {name: fakes.FakePool() for name in spec["pools"]} | pools
        return Gateway(FleetSpec.model_validate(spec), given)

    return make


def ask(gateway, **body):
    async def run():
        async with fakes.client(gateway) as http:
            body_given = {**fakes.chat(), "model": "auto:cheap", **body}
            return await http.post("/v1/chat/completions", json=body_given)

    return asyncio.run(run())


def counted(gateway, name):
    return [(value, tags["pool"]) for metric, value, tags in gateway.metrics.seen if metric == name]


@pytest.mark.parametrize("stream_asked", [True, False])
def test_a_doubtful_answer_is_replaced_by_a_higher_tiers_and_both_are_counted(make, stream_asked):
    small = fakes.FakePool((stream if stream_asked else whole)(UNSURE))
    large = fakes.FakePool(fakes.STREAM if stream_asked else fakes.WHOLE)
    gateway = make(small=small, moe=large, large=large)
    answer = ask(gateway, stream=stream_asked)
    assert answer.content == (b"data: a\n\ndata: b\n\n" if stream_asked else fakes.ANSWER)
    assert small.closed == 1
    assert answer.headers["x-signalbox-escalated-from"] == "small"
    assert answer.headers["x-signalbox-pool"] in ("moe", "large")
    assert float(answer.headers["x-signalbox-extra-cost"]) == pytest.approx(54e-6)
    assert "after 4 tokens" in answer.headers["x-signalbox-reason"]
    taker = answer.headers["x-signalbox-pool"]
    assert sorted(counted(gateway, "completion_tokens")) == [(2, taker), (4, "small")]
    assert sorted(counted(gateway, "prompt_tokens")) == [(3, taker), (50, "small")]
    assert counted(gateway, "escalations") == [(1, "small")]


@pytest.mark.parametrize("stream_asked", [True, False])
def test_a_believed_answer_goes_out_as_it_came(make, stream_asked):
    gateway = make(small=fakes.FakePool((stream if stream_asked else whole)(SURE)))
    answer = ask(gateway, stream=stream_asked)
    assert answer.content == (b"data: cheap\n\n" if stream_asked else b'{"id": "cheap"}')
    assert answer.headers["x-signalbox-pool"] == "small"
    assert "x-signalbox-escalated-from" not in answer.headers
    assert "kept" in answer.headers["x-signalbox-reason"]
    assert counted(gateway, "completion_tokens") == [(9, "small")]


@pytest.mark.parametrize("model", ["small", "auto:cheap,no-escalation"])
def test_whoever_wants_no_second_opinion_gets_none(make, model):
    small = fakes.FakePool()
    assert ask(make(small=small), model=model).content == fakes.ANSWER
    assert [request.judged_tokens for request in small.requests] == [0]


@pytest.mark.parametrize("failure", [PoolFailed("died"), PoolBusy("full")])
def test_when_every_higher_pool_fails_the_dropped_one_answers_after_all(make, failure):
    broken = fakes.FakePool((failure,))
    small = fakes.FakePool(whole(UNSURE), fakes.WHOLE)
    gateway = make(small=small, moe=broken, large=broken)
    answer = ask(gateway)
    assert (answer.status_code, answer.content) == (200, fakes.ANSWER)
    assert answer.headers["x-signalbox-pool"] == "small"
    assert [request.judged_tokens for request in small.requests] == [4, 0]
    assert "failed" in answer.headers["x-signalbox-reason"]


def test_a_higher_pool_that_fails_once_is_asked_again(make):
    higher = fakes.FakePool((PoolFailed("died"),), fakes.WHOLE)
    gateway = make(small=fakes.FakePool(whole(UNSURE)), moe=higher, large=higher)
    assert ask(gateway).content == fakes.ANSWER


async def _never():
    await asyncio.sleep(60)


def test_tokens_that_are_held_back_too_long_are_a_timeout(make):
    slow = fakes.FakePool(
        (Opened(200, streams=True), Progress(Usage(5, 1), (-0.1,), (1.0,)), Chunk(b"x", (1,)), _never)
    )
    answer = ask(make(small=slow), stream=True)
    assert (answer.status_code, answer.json()["error"]["code"]) == (504, "timeout")
    assert slow.closed == 1


def test_a_client_that_leaves_while_tokens_are_held_ends_the_pools_work(make):
    small = fakes.FakePool((Opened(200, streams=True), Progress(Usage(5, 1), (-0.1,), (1.0,)), _never))
    gateway = make(small=small)
    messages = asyncio.Queue()
    sent = []

    async def run():
        raw = json.dumps({**fakes.chat(), "model": "auto:cheap", "stream": True}).encode()
        await messages.put({"type": "http.request", "body": raw, "more_body": False})

        async def send(message):
            sent.append(message)

        scope = {"type": "http", "method": "POST", "path": "/v1/chat/completions", "headers": []}
        asking = asyncio.create_task(gateway(scope, messages.get, send))
        while not small.requests:
            await asyncio.sleep(0)
        await messages.put({"type": "http.disconnect"})
        await asyncio.wait_for(asking, 5)

    asyncio.run(run())
    assert (small.closed, sent) == (1, [])


def test_a_refusal_of_the_cheap_pool_passes_at_once(make):
    refusal = (Opened(400), Chunk(b'{"error": {"message": "too long"}}'))
    higher = fakes.FakePool()
    answer = ask(make(small=fakes.FakePool(refusal), moe=higher, large=higher))
    assert (answer.status_code, higher.requests) == (400, [])


def test_two_cheap_pools_that_agree_send_the_cheaper_answer(make):
    small, moe, large = (fakes.FakePool(fakes.answer(text)) for text in ("so 12", "it is 12", "13"))
    gateway = make({"kind": "agreement"}, small=small, moe=moe, large=large)
    answer = ask(gateway)
    assert answer.content == fakes.answer("so 12")[1].data
    assert not large.requests
    assert sorted(pool for _, pool in counted(gateway, "completion_tokens")) == ["moe", "small"]
    assert float(answer.headers["x-signalbox-extra-cost"]) == pytest.approx(15e-6)


def test_two_cheap_pools_that_differ_send_the_next_tiers_answer(make):
    small, moe, large = (fakes.FakePool(fakes.answer(text)) for text in ("12", "13", "14"))
    gateway = make({"kind": "agreement"}, small=small, moe=moe, large=large)
    answer = ask(gateway)
    assert answer.json()["choices"][0]["message"]["content"] == "14"
    assert sorted(pool for _, pool in counted(gateway, "completion_tokens")) == ["large", "moe", "small"]
