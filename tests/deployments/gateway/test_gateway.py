"""The gateway's story with scripted pools: relay, refuse, retry, time out, account."""

from __future__ import annotations

import asyncio

import fake_pools as fakes
import pytest

from deployments.gateway import gateway as module
from deployments.gateway.gateway import Gateway
from deployments.gateway.pool_client import PoolBusy, PoolFailed
from deployments.wire.frames import Chunk, Opened


@pytest.fixture
def make(monkeypatch):
    monkeypatch.setattr(module, "GatewayMetrics", fakes.SilentMetrics)

    def make(**pools):
        given = {name: fakes.FakePool() for name in fakes.SPEC.pools} | pools
        return Gateway(fakes.SPEC, given)

    return make


def post(gateway, path="/v1/chat/completions", **kwargs):
    async def run():
        async with fakes.client(gateway) as http:
            return await http.post(path, **kwargs)

    return asyncio.run(run())


def test_a_whole_answer_passes_unchanged_with_the_decision_in_headers(make):
    answer = post(make(), json=fakes.chat())
    assert answer.status_code == 200
    assert answer.content == fakes.ANSWER
    assert answer.headers["x-signalbox-pool"] == "small"


def test_a_stream_passes_unchanged(make):
    answer = post(make(small=fakes.FakePool(fakes.STREAM)), json=fakes.chat(stream=True))
    assert answer.headers["content-type"].startswith("text/event-stream")
    assert answer.content == b"data: a\n\ndata: b\n\n"


def test_the_replica_sees_the_pools_true_model_name(make):
    pool = fakes.FakePool()
    post(make(small=pool), json=fakes.chat())
    assert pool.requests[0].body["model"] == "org/small"


def test_generate_is_plain(make):
    answer = post(make(), "/generate", json={"prompt": "7 + 5?", "model": "small"})
    assert answer.json() == {"text": "twelve", "usage": fakes.USAGE.as_openai()}


def test_a_replicas_refusal_keeps_its_status_and_body(make):
    refusal = (Opened(400), Chunk(b'{"error": {"message": "too long"}}'))
    answer = post(make(small=fakes.FakePool(refusal)), json=fakes.chat())
    assert (answer.status_code, answer.json()["error"]["message"]) == (400, "too long")


def test_a_failure_before_the_first_byte_is_retried_on_the_same_pool(make):
    pool = fakes.FakePool((PoolFailed("died"),), fakes.WHOLE)
    answer = post(make(small=pool), json=fakes.chat())
    assert answer.status_code == 200
    assert len(pool.requests) == pool.closed == 2


def test_auto_falls_to_another_pool_and_says_so(make):
    broken = fakes.FakePool((PoolFailed("died"),))
    answer = post(make(small=broken), json=fakes.chat(model="auto"))
    assert answer.status_code == 200
    assert answer.headers["x-signalbox-pool"] != "small"
    assert "small failed" in answer.headers["x-signalbox-reason"]


def test_a_pinned_pool_that_stays_broken_is_503_and_never_another_pool(make):
    other = fakes.FakePool()
    answer = post(make(small=fakes.FakePool((PoolFailed("died"),)), moe=other, large=other), json=fakes.chat())
    assert (answer.status_code, answer.json()["error"]["code"]) == (503, "replica_failed")
    assert not other.requests


def test_a_full_pool_is_429_with_retry_after(make):
    answer = post(make(small=fakes.FakePool((PoolBusy("pool small is full"),))), json=fakes.chat())
    assert (answer.status_code, answer.headers["retry-after"]) == (429, "1")


def test_a_stream_that_breaks_after_its_first_byte_ends_with_an_error_event(make):
    pool = fakes.FakePool((*fakes.STREAM[:2], PoolFailed("died")))
    answer = post(make(small=pool), json=fakes.chat(stream=True))
    assert answer.status_code == 200
    assert answer.text.startswith("data: a\n\n")
    assert '"code": "replica_failed"' in answer.text
    assert len(pool.requests) == 1


async def _never():
    await asyncio.sleep(60)


@pytest.mark.parametrize("script", [(_never,), (Opened(200), _never)])
@pytest.mark.parametrize("stream", [True, False])
def test_silence_is_504(make, script, stream):
    answer = post(make(small=fakes.FakePool(script)), json=fakes.chat(stream=stream))
    assert (answer.status_code, answer.json()["error"]["code"]) == (504, "timeout")


def test_an_unexpected_error_is_a_500_without_a_traceback(make):
    answer = post(make(small=fakes.FakePool((ZeroDivisionError("secret"),))), json=fakes.chat())
    assert answer.status_code == 500
    assert "secret" not in answer.text
    assert "Traceback" not in answer.text


@pytest.mark.parametrize(
    ("kwargs", "status", "said"),
    [
        ({"content": b"{"}, 400, "JSON"),
        ({"content": b"[1]"}, 400, "JSON object"),
        ({"content": b'{"a": NaN}'}, 400, "NaN"),
        ({"content": b"\xff\xfe"}, 400, "JSON"),
        ({"content": b"[" * 5000}, 400, "JSON"),
        ({"content": b" " * 10_001}, 413, "10000 bytes"),
        ({"json": fakes.chat(messages=[])}, 400, "messages"),
        ({"json": fakes.chat(model="gpt-9")}, 404, "gpt-9"),
        ({"json": fakes.chat(), "headers": {"x-signalbox-priority": "vip"}}, 400, "interactive"),
    ],
)
def test_bad_requests_say_what_is_wrong(make, kwargs, status, said):
    answer = post(make(), **kwargs)
    assert answer.status_code == status
    assert said in answer.json()["error"]["message"]


def test_unknown_paths_and_methods(make):
    assert post(make(), "/v2/x").status_code == 404
    wrong = post(make(), "/health")
    assert (wrong.status_code, wrong.headers["allow"]) == (405, "GET")


def test_disconnect_ends_the_pools_frames(make):
    pool = fakes.FakePool((fakes.STREAM[0], fakes.STREAM[1], _never))
    gateway = make(small=pool)
    sent = []

    async def run():
        body = asyncio.Queue()
        raw = b'{"model":"small","stream":true,"messages":[{"role":"user","content":"hi"}]}'
        await body.put({"type": "http.request", "body": raw, "more_body": False})

        async def send(message):
            sent.append(message)
            if message.get("body"):
                await body.put({"type": "http.disconnect"})

        scope = {"type": "http", "method": "POST", "path": "/v1/chat/completions", "headers": []}
        await asyncio.wait_for(gateway(scope, body.get, send), 5)

    asyncio.run(run())
    assert pool.closed == 1
    assert any(name == "cancelled" for name, _, _ in gateway.metrics.seen)


def test_a_servers_disconnect_after_the_last_byte_is_no_client_that_left(make):
    """Serve, like uvicorn, reports one as soon as it has the whole response; the tokens come a moment later."""
    pool = fakes.FakePool((*fakes.WHOLE[:2], lambda: asyncio.sleep(0.05), fakes.WHOLE[2]))
    gateway = make(small=pool)

    async def run():
        messages = asyncio.Queue()
        raw = b'{"model":"small","messages":[{"role":"user","content":"hi"}]}'
        await messages.put({"type": "http.request", "body": raw, "more_body": False})

        async def send(message):
            if message["type"] == "http.response.body" and not message.get("more_body"):
                await messages.put({"type": "http.disconnect"})

        scope = {"type": "http", "method": "POST", "path": "/v1/chat/completions", "headers": []}
        await asyncio.wait_for(gateway(scope, messages.get, send), 5)

    asyncio.run(run())
    counted = [name for name, _, _ in gateway.metrics.seen]
    assert "cancelled" not in counted
    assert "completion_tokens" in counted
