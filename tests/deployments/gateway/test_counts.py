"""How requests ended, counted at the gateway: by path and status, by reason and tenant, against objectives."""

from __future__ import annotations

import asyncio
import hashlib

import fake_pools as fakes
import httpx
import pytest
from counting_metrics import CountingMetrics

from cluster.spec import FleetSpec
from deployments.gateway import gateway as module
from deployments.gateway.gateway import Gateway
from deployments.gateway.pool_client import PoolBusy, PoolFailed
from deployments.wire.frames import Chunk, Closed, Opened

KEYS = {"alice": {"sha256": hashlib.sha256(b"sk-a").hexdigest()}}
SPEC = FleetSpec.model_validate(
    fakes.SPEC.model_dump(mode="json")
    | {"gateway": {"max_body_bytes": 1_000, "first_token_timeout_s": 0.3, "request_timeout_s": 1.0, "api_keys": KEYS}}
)
ALICE = {"authorization": "Bearer sk-a"}
CHAT = "/v1/chat/completions"


@pytest.fixture
def make(monkeypatch):
    monkeypatch.setattr(module, "GatewayMetrics", CountingMetrics)

    def make(*script, spec=SPEC):
        small = fakes.FakePool(script) if script else fakes.FakePool()
        return Gateway(spec, {name: fakes.FakePool() for name in spec.pools} | {"small": small})

    return make


def send(gateway, method="POST", path=CHAT, headers=ALICE, **kwargs) -> httpx.Response:
    async def run():
        async with fakes.client(gateway) as http:
            return await http.request(method, path, headers=headers, **kwargs)

    return asyncio.run(run())


async def _never():
    await asyncio.sleep(60)


REFUSED = (Opened(400), Chunk(b'{"error": {"message": "too long"}}'), Closed())
REMOTE_FAILED = (Opened(502), Chunk(b'{"error": {"message": "remote"}}'), Closed())


@pytest.mark.parametrize(
    ("script", "kwargs", "reason"),
    [
        ((), {"content": b"{"}, "body"),
        ((), {"content": b" " * 2_000}, "too_large"),
        ((), {"json": fakes.chat(model="gpt-9")}, "unknown"),
        ((), {"path": "/v2/x", "json": {}}, "unknown"),
        ((), {"method": "GET", "path": CHAT}, "unknown"),
        (REFUSED, {"json": fakes.chat()}, "body"),
        (REMOTE_FAILED, {"json": fakes.chat()}, "engine"),
        ((PoolBusy("pool small is full"),), {"json": fakes.chat()}, "busy"),
        ((PoolFailed("died"),), {"json": fakes.chat()}, "engine"),
        ((_never,), {"json": fakes.chat()}, "timeout"),
        ((ZeroDivisionError(),), {"json": fakes.chat()}, "internal"),
    ],
)
def test_a_refusal_is_counted_by_reason_and_tenant(make, script, kwargs, reason):
    gateway = make(*script)
    assert send(gateway, **kwargs).status_code >= 400
    assert gateway.metrics.rejections.values == {(("reason", reason), ("tenant", "alice")): 1}


def test_who_has_no_known_key_is_nobody(make):
    gateway = make()
    assert send(gateway, headers={"authorization": "Bearer sk-b"}, json=fakes.chat()).status_code == 401
    assert gateway.metrics.rejections.at(reason="auth", tenant="") == 1
    assert gateway.metrics.tenant_requests.at(tenant="") == 1


def test_a_fleet_that_is_not_up_yet_refuses_nobody_who_asks_whether_it_is(make):
    gateway = make()
    assert send(gateway, "GET", "/ready").status_code == 503
    assert gateway.metrics.rejections.values == {}
    assert gateway.metrics.requests.at(path="/ready", pool="", status="503") == 1


def test_unknown_paths_share_one_label(make):
    gateway = make()
    for path in ("/v2/x", "/v2/y?z=1"):
        send(gateway, "GET", path)
    assert gateway.metrics.requests.values == {(("path", "other"), ("pool", ""), ("status", "404")): 2}


@pytest.mark.parametrize(
    ("script", "pool"),
    [
        (REMOTE_FAILED, "small"),
        ((PoolBusy("pool small is full"),), "small"),
        ((PoolFailed("died"),), "small"),
        ((_never,), "small"),
        ((ZeroDivisionError(),), "small"),
        ((*fakes.STREAM[:2], PoolFailed("died")), "small"),
    ],
)
def test_what_is_not_the_clients_fault_misses_the_objective_error(make, script, pool):
    gateway = make(*script)
    send(gateway, json=fakes.chat(stream=fakes.STREAM[0] in script))
    assert gateway.metrics.slo_answers.values == {(("pool", pool),): 1}
    assert gateway.metrics.slo_missed.values == {(("objective", "error"), ("pool", pool)): 1}
    assert gateway.metrics.slo_met.values == {}


@pytest.mark.parametrize(
    ("script", "kwargs"),
    [(REFUSED, {"json": fakes.chat()}), ((), {"content": b"{"}), ((), {"json": fakes.chat(model="gpt-9")})],
)
def test_what_is_the_clients_fault_misses_nothing(make, script, kwargs):
    gateway = make(*script)
    send(gateway, **kwargs)
    assert gateway.metrics.slo_answers.values == {}
    assert gateway.metrics.slo_missed.values == {}


def test_a_broken_stream_was_no_refusal(make):
    gateway = make(*fakes.STREAM[:2], PoolFailed("died"))
    assert send(gateway, json=fakes.chat(stream=True)).status_code == 200
    assert gateway.metrics.rejections.values == {}
    assert gateway.metrics.broken_streams.at(pool="small") == 1
    assert gateway.metrics.requests.at(path=CHAT, pool="small", status="200") == 1


def test_a_client_that_left_is_no_outage(make):
    gateway = make(_never)

    async def run():
        raw = b'{"model":"small","messages":[{"role":"user","content":"hi"}]}'
        inbox = asyncio.Queue()
        for message in ({"type": "http.request", "body": raw, "more_body": False}, {"type": "http.disconnect"}):
            await inbox.put(message)
        headers = [(b"authorization", b"Bearer sk-a")]
        scope = {"type": "http", "method": "POST", "path": CHAT, "query_string": b"", "headers": headers}
        await asyncio.wait_for(gateway(scope, inbox.get, None), 5)

    asyncio.run(run())
    assert gateway.metrics.cancelled.at(pool="small") == 1
    assert gateway.metrics.requests.at(path=CHAT, pool="small", status="499") == 1
    assert gateway.metrics.slo_answers.values == {}
    assert gateway.metrics.tenant_requests.at(tenant="alice") == 1
