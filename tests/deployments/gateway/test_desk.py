"""The routing desk: wishes by precedence, conversations, bills, and a budget that several gateways share."""

from __future__ import annotations

import asyncio
import hashlib

import fake_pools as fakes
import httpx
import pytest

from cluster.spec import FleetSpec
from cluster.state import PoolState, ReplicaState
from deployments.gateway import gateway as module
from deployments.gateway.gateway import Gateway
from deployments.gateway.pool_client import PoolFailed
from router.budget.controller import Account

KEY = "sk-one"


def spec(**changes):
    pools = {
        tier: {
            "tier": tier,
            "model": f"org/{tier}",
            "engine": {"kind": "simulated"},
            "prices": {"output_per_mtok": price * 1e6},
        }
        for tier, price in {"small": 1, "moe": 3, "large": 10}.items()
    }
    pools["large"] |= changes.pop("large", {})
    # Rules, so that what the desk does is not about what ships as learned.
    routing = {"artifact": "rules"} | changes.pop("routing", {})
    return FleetSpec.model_validate({"pools": pools, "routing": routing, **changes})


KEYS = {"alice": {"sha256": hashlib.sha256(KEY.encode()).hexdigest(), "default": "auto:cheap,quality=0.5"}}


@pytest.fixture
def make(monkeypatch):
    monkeypatch.setattr(module, "GatewayMetrics", fakes.SilentMetrics)

    def make(pools=None, **changes):
        return Gateway(spec(**changes), {name: fakes.FakePool() for name in ("small", "moe", "large")} | (pools or {}))

    return make


def post(gateway, path="/v1/chat/completions", **kwargs) -> httpx.Response:
    async def run():
        async with fakes.client(gateway) as http:
            return await http.post(path, **kwargs)

    return asyncio.run(run())


def ask(model="auto", content="hi", **body):
    return fakes.chat(content, model=model, **body)


# -- who asks --------------------------------------------------------------------------------------------------------


def test_over_http_a_missing_key_is_401_in_openais_shape(make):
    gateway = make(gateway={"api_keys": KEYS})
    refused = post(gateway, json=ask())
    assert (refused.status_code, refused.json()["error"]["code"]) == (401, "invalid_api_key")
    assert refused.json()["error"]["type"] == "authentication_error"
    assert post(gateway, json=ask(), headers={"authorization": f"Bearer {KEY}"}).status_code == 200


# -- wishes ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "headers", "param", "said"),
    [
        ({"model": "auto:fast"}, {}, "model", "invalid value 'fast'"),
        ({"model": "auto:cheap,best"}, {}, "model", "twice"),
        ({"model": "auto:quality=2"}, {}, "model", "from 0 to 1"),
        ({}, {"x-signalbox-route": "quality"}, "x-signalbox-route", "a number"),
        ({}, {"x-signalbox-route": "slow"}, "x-signalbox-route", "cheap, best"),
    ],
)
def test_wrong_words_are_400_with_the_field(make, body, headers, param, said):
    answer = post(make(), json=ask(**body), headers=headers)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)
    assert said in answer.json()["error"]["message"]


@pytest.mark.parametrize(
    ("model", "headers", "pool"),
    [
        ("auto", {}, "small"),
        ("auto:best", {}, "large"),
        ("auto", {"x-signalbox-route": "best"}, "large"),
        ("auto:cheap", {"x-signalbox-route": "best"}, "small"),
        ("moe", {"x-signalbox-route": "best"}, "moe"),
    ],
)
def test_wishes_reach_the_decision_and_headers_tell_it(make, model, headers, pool):
    answer = post(make(), json=ask(model), headers=headers)
    assert answer.headers["x-signalbox-pool"] == pool
    assert ("x-signalbox-quality" in answer.headers) is (model != "moe")


# -- /v1/route -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "body", [{"input": "What is 7 + 5?"}, ask(content="What is 7 + 5?"), {"input": "\x00\x1b[31m"}]
)
def test_route_says_everything_and_generates_nothing(make, body):
    pools = {name: fakes.FakePool() for name in ("small", "moe", "large")}
    gateway = make(pools, routing={"budget": {"large_share": 0.4}})
    answer = post(gateway, "/v1/route", json=body)
    told = answer.json()
    assert answer.status_code == 200
    assert (told["pool"], told["mode"]) == ("small", "auto")
    assert set(told["pools"]) == set(pools)
    assert set(told["pools"]["large"]) == {"tier", "quality", "cost", "wait_s", "utility"}
    assert told["prediction"]["quality"].keys() == {"small", "moe", "large"}
    assert not any(pool.requests for pool in pools.values())
    assert gateway.desk.accounts.budget.take() == Account()


def test_route_takes_lone_surrogates(make):
    assert post(make(), "/v1/route", content=b'{"input": "\\ud800 \\udfff"}').status_code == 200


def test_route_of_a_pinned_request_has_no_prediction(make):
    told = post(make(), "/v1/route", json={"input": "x", "model": "moe"}).json()
    assert (told["pool"], told["mode"], told["prediction"]) == ("moe", "pinned", None)


@pytest.mark.parametrize(
    ("body", "param"),
    [({"input": 1}, "input"), ({"input": "x", "messages": []}, "input"), ({}, "messages"), ({"input": None}, "input")],
)
def test_route_refuses_other_bodies(make, body, param):
    answer = post(make(), "/v1/route", json=body)
    assert (answer.status_code, answer.json()["error"]["param"]) == (400, param)


# -- conversations ---------------------------------------------------------------------------------------------------

TURNS = [
    {"role": "system", "content": "Be brief."},
    {"role": "user", "content": "hi"},
    {"role": "assistant", "content": "hello"},
    {"role": "user", "content": "and then?"},
]


def test_a_conversation_stays_where_it_was_answered(make):
    gateway = make(routing={"switch_gain": 1})
    first = post(gateway, json=ask("auto:best", messages=TURNS[:2]))
    again = post(gateway, json=ask("auto", messages=TURNS))
    assert first.headers["x-signalbox-pool"] == again.headers["x-signalbox-pool"] == "large"
    assert post(gateway, json=ask("auto", messages=TURNS[:2])).headers["x-signalbox-pool"] == "small"


# -- bills -----------------------------------------------------------------------------------------------------------


def test_an_answer_costs_what_it_took(make):
    gateway = make(routing={"budget": {"mean_cost": 5}})
    assert post(gateway, json=ask()).status_code == 200
    booked = gateway.desk.accounts.budget.take()
    assert (booked.requests, booked.spent) == (1, pytest.approx(fakes.USAGE.completion_tokens * 1))


@pytest.mark.parametrize("body", [ask("small"), {"model": "auto", "prompt": "tokenize me"}])
def test_pinned_requests_and_tokenizing_are_not_on_the_budget(make, body):
    gateway = make(routing={"budget": {"mean_cost": 5}})
    path = "/tokenize" if "prompt" in body else "/v1/chat/completions"
    assert post(gateway, path, json=body).status_code == 200
    assert gateway.desk.accounts.budget.take() == Account()


def test_what_failed_costs_nothing(make):
    broken = fakes.FakePool((PoolFailed("died"),))
    gateway = make(dict.fromkeys(("small", "moe", "large"), broken), routing={"budget": {"mean_cost": 5}})
    assert post(gateway, json=ask()).status_code == 503
    assert gateway.desk.accounts.budget.take().spent == pytest.approx(0)


def test_a_share_counts_who_answered_in_the_end(make):
    broken = fakes.FakePool((PoolFailed("died"),))
    gateway = make({"small": broken, "moe": broken}, routing={"budget": {"large_share": 0}})
    assert post(gateway, json=ask()).status_code in (200, 503)
    answered = gateway.desk.accounts.budget.take()
    assert answered.requests == 1
    assert answered.spent in (0, 1)


# -- load ------------------------------------------------------------------------------------------------------------


def test_rates_come_from_reports_and_queues_spill(make):
    gateway = make()
    for second in range(3):
        reports = [
            ReplicaState(n, f"{n}-0", "node", module.time.time() - 2 + second, waiting=50 * (n == "small"), running=4,
                         generated_tokens_total=100 * second)
            for n in gateway.spec.pools
        ]  # fmt: skip
        gateway.desk.accounts.see({r.pool: PoolState(r.pool, (r,)) for r in reports})
    answer = post(gateway, json=ask())
    assert answer.headers["x-signalbox-pool"] == "moe"
    assert "spilled to moe" in answer.headers["x-signalbox-reason"]
    assert any(name == "spills" for name, _, _ in gateway.metrics.seen)


def test_a_request_is_demand_of_the_sleeping_pool_that_it_would_have_gone_to(make):
    gateway = make(large={"replicas": {"min": 0, "max": 1}})
    awake = [ReplicaState(pool, pool, "n", module.time.time()) for pool in ("small", "moe")]
    gateway.desk.accounts.fleet = {replica.pool: PoolState(replica.pool, (replica,)) for replica in awake}
    for path in ("/v1/chat/completions", "/v1/route"):  # asking for a decision wakes nobody
        answer = post(gateway, path, json=ask("auto:best"))
    assert answer.json()["woken"] == "large"
    demand = gateway.desk.ledger.demand.now(("small", "moe", "large"), gateway.desk.fleet)
    assert demand["moe"].arrivals_per_s == demand["large"].arrivals_per_s > 0
    assert demand["moe"].taken_per_s == demand["moe"].arrivals_per_s
    assert demand["large"].taken_per_s == 0
    assert [(value, tags) for name, value, tags in gateway.metrics.seen if name == "wakes"] == [(1, {"pool": "large"})]
