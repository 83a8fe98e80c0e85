"""Learning through the gateway: feedback and shadow traffic never change what a client gets."""

from __future__ import annotations

import asyncio
import hashlib
import json

import fake_pools as fakes
import pytest
from fake_board import FakeBoard

from cluster.spec import FleetSpec
from cluster.state import PoolState, ReplicaState
from cluster.usage import Usage
from deployments.gateway import gateway as module
from deployments.gateway.gateway import Gateway
from deployments.gateway.pool_client import PoolFailed

STREAMED = b'data: {"choices": [{"delta": {"content": "11"}}]}\n\ndata: [DONE]\n\n'
STREAM = (fakes.STREAM[0], fakes.Chunk(STREAMED), fakes.Closed(fakes.USAGE, "stop"))
FLEET = {name: PoolState(name, (ReplicaState(name, name, "n", as_of_s=0.0),)) for name in fakes.SPEC.pools}
KEYS = {
    name: {"sha256": hashlib.sha256(name.encode()).hexdigest(), "admin": name == "boss"} for name in ("ann", "boss")
}


@pytest.fixture
def make(monkeypatch, tmp_path):
    monkeypatch.setattr(module, "GatewayMetrics", fakes.SilentMetrics)
    monkeypatch.setattr(module, "BoardLink", lambda spec: FakeBoard(tmp_path, spec))

    def make(routing=None, gateway=None, **pools):
        whole = {"feedback": {}, "shadow": {"pool": "large", "share": 1}, "state_folder": str(tmp_path)}
        whole["artifact"] = "rules"  # whatever the learned model thinks of a sum
        data = fakes.SPEC.model_dump(mode="json")
        spec = FleetSpec.model_validate(
            data | {"routing": whole | (routing or {}), "gateway": data["gateway"] | (gateway or {})}
        )
        made = Gateway(spec, {name: fakes.FakePool() for name in spec.pools} | pools)
        made.desk.accounts.fleet = FLEET
        return made

    return make


def run(gateway, *requests):
    """Answers to (method, path, arguments), then the end of what goes on in the background."""

    async def run():
        async with fakes.client(gateway) as http:
            answers = [await http.request(method, path, **given) for method, path, given in requests]
        while shadow_tasks(gateway):
            await asyncio.sleep(0.01)
        return answers

    return asyncio.run(run())


def shadow_tasks(gateway):
    return [task for asker in gateway.learning._askers for task in asker._tasks]


def chat(headers=None, **body):
    given = {"json": fakes.chat(**{"model": "auto"} | body), "headers": {"x-request-id": "r1"} | (headers or {})}
    return ("POST", "/v1/chat/completions", given)


def score(headers=None, **body):
    return ("POST", "/v1/feedback", {"json": {"request_id": "r1", "score": 0.5} | body, "headers": headers or {}})


def lines(folder):
    return [json.loads(line) for file in folder.glob("*.jsonl") for line in file.read_text().splitlines()]


@pytest.mark.parametrize("model", ["auto", "moe"])
def test_feedback_is_stored_for_the_tier_that_answered(make, tmp_path, model):
    answered, scored = run(make(), chat(model=model), score())
    assert scored.status_code == 200
    (line,) = lines(tmp_path / "feedback")
    assert line["quality"] == {answered.headers["x-signalbox-tier"]: 0.5}
    assert line["query"] == "What is 7 + 5?"


def test_what_was_not_answered_takes_no_feedback(make):
    broken = fakes.FakePool((PoolFailed("died"),))
    _, scored = run(make(small=broken, moe=broken, large=broken), chat(), score())
    assert (scored.status_code, scored.json()["error"]["code"]) == (404, "unknown_request")


def test_a_spec_without_feedback_says_so_and_remembers_nothing(make):
    _, scored = run(make(routing={"feedback": None}), chat(), score())
    assert (scored.status_code, scored.json()["error"]["code"]) == (404, "feedback_off")


def test_nobody_scores_another_clients_answer(make):
    def key(name):
        return {"authorization": f"Bearer {name}"}

    gateway = make(gateway={"api_keys": KEYS})
    _, nobody, other, own = run(gateway, chat(key("ann")), score(), score(key("boss")), score(key("ann")))
    assert [answer.status_code for answer in (nobody, other, own)] == [401, 404, 200]


@pytest.mark.parametrize(
    ("script", "body", "text"), [(STREAM, {"stream": True}, "11"), (fakes.WHOLE, {}, "twelve")]
)  # fmt: skip
def test_a_shadow_pool_is_asked_too_and_the_client_sees_nothing_of_it(make, tmp_path, script, body, text):
    large = fakes.FakePool(fakes.answer("thirteen"))
    gateway = make(small=fakes.FakePool(script), moe=fakes.FakePool(script), large=large)
    (answer,) = run(gateway, chat(**body))
    assert answer.headers["x-signalbox-pool"] == "small"
    assert answer.content == b"".join(frame.data for frame in script if isinstance(frame, fakes.Chunk))
    assert large.requests[0].body["model"] == "org/large"
    (line,) = lines(tmp_path / "shadow")
    assert (line["answer"], line["request_id"]) == ({"small": text, "large": "thirteen"}, "r1")
    assert "quality" not in line


def test_a_broken_shadow_pool_hurts_nobody(make, tmp_path):
    gateway = make(large=fakes.FakePool((PoolFailed("died"),)))
    (answer,) = run(gateway, chat())
    assert answer.status_code == 200
    assert ("shadow", 1, {"pool": "large", "result": "failed"}) in gateway.metrics.seen
    assert lines(tmp_path / "shadow") == []


@pytest.mark.parametrize(
    ("routing", "body"),
    [({"shadow": None}, {}), ({"shadow": {"pool": "large", "share": 1e-9}}, {}), ({}, {"model": "small"})],
)
def test_most_requests_are_asked_once(make, routing, body):
    large = fakes.FakePool()
    run(make(routing=routing, large=large), chat(**body))
    assert large.requests == []


def test_plain_answers_are_recorded_too(make, tmp_path):
    run(make(), ("POST", "/generate", {"json": {"prompt": "7 + 5?"}}))
    assert lines(tmp_path / "shadow")[0]["answer"] == {"small": "twelve", "large": "twelve"}


def learning(gateway):
    """What the fleet has learned, after an exchange with the board."""
    asyncio.run(gateway.sync.exchange())
    (answer,) = run(gateway, ("GET", "/v1/router", {}))
    return answer.json()["learning"]


def test_answers_of_two_tiers_and_scores_become_labels(make):
    long = [*fakes.WHOLE[:2], fakes.Closed(Usage(400, 400), "stop")]  # dear enough for another answer
    gateway = make(routing={"learn": {"share": 1, "max_extra_cost": 1}, "shadow": None}, large=fakes.FakePool(long))
    answered, scored = run(gateway, chat(model="auto:best"), score())
    assert answered.headers["x-signalbox-pool"] == "large"
    assert scored.status_code == 200
    assert learning(gateway)["labels"] == {"feedback": 1, "comparison": 1}
    assert learning(gateway)["labels"] == {"feedback": 1, "comparison": 1}  # reported once


def test_a_fleet_that_does_not_learn_compares_nothing(make):
    gateway = make(routing={"shadow": None})
    run(gateway, chat(model="auto:best"), score())
    assert learning(gateway) is None
