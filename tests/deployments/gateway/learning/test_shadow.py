"""Shadow traffic: whose requests are asked twice, what is recorded, and what is dropped."""

from __future__ import annotations

import asyncio
import json
from types import SimpleNamespace

import fake_pools as fakes
import pytest

from cluster.spec import FleetSpec
from cluster.state import PoolState, ReplicaState
from cluster.usage import Usage
from deployments.gateway.learning.quiet_ask import Answered, is_sampled
from deployments.gateway.learning.shadow import Shadow, client_text
from deployments.gateway.pool_client import PoolBusy, PoolFailed
from deployments.wire.frames import Chunk, Closed, Opened
from router.types import RoutingDecision, RoutingRequest

SPEC = FleetSpec.model_validate(
    fakes.SPEC.model_dump(mode="json") | {"routing": {"shadow": {"pool": "large", "share": 1.0, "max_ongoing": 2}}}
)
REQUEST = RoutingRequest(text="7 + 5?", model="auto")
BODY = {"messages": [{"role": "user", "content": "7 + 5?"}], "stream": True}
ANSWERED = Answered("r1", REQUEST, "chat", BODY, "small", "11")


def replica(waiting=0):
    return ReplicaState("large", "r", "n", as_of_s=0.0, waiting=waiting)


IDLE = {"large": PoolState("large", (replica(),))}


class Counts:
    """Results that were counted."""

    def __init__(self):
        self.results = []

    @property
    def shadow(self):
        return self

    def inc(self, value=1, tags=None):
        self.results.append(tags["result"])


@pytest.fixture
def make(tmp_path):
    def make(pool):
        pools = {name: fakes.FakePool() for name in SPEC.pools} | {"large": pool}
        shadow = Shadow(SPEC, pools, tmp_path / "shadow", Counts())
        shadow.lines = lambda: [
            json.loads(line) for file in (tmp_path / "shadow").glob("*") for line in file.read_text().splitlines()
        ]
        return shadow

    return make


def begin(shadow, *answered, fleet=IDLE):
    async def run():
        for each in answered:
            shadow.begin(each, SimpleNamespace(desk=SimpleNamespace(fleet=fleet)))
        while shadow._tasks:
            await asyncio.sleep(0.01)

    asyncio.run(run())
    return shadow._metrics.results


def test_both_answers_are_recorded_without_a_grade(make):
    pool = fakes.FakePool()
    shadow = make(pool)
    assert begin(shadow, ANSWERED) == ["recorded"]
    assert shadow.lines() == [
        {
            "query": "7 + 5?",
            "output_tokens": {"large": 2},
            "answer": {"small": "11", "large": "twelve"},
            "source": "shadow",
            "request_id": "r1",
        }
    ]


def test_the_pool_is_asked_for_one_body_behind_everybody_else(make):
    pool = fakes.FakePool()
    begin(make(pool), ANSWERED)
    (request,) = pool.requests
    assert "stream" not in request.body
    assert request.priority > max(SPEC.gateway.priorities.values())
    assert request.request_id != "r1"


def test_conversations_are_recorded_whole(make):
    shadow = make(fakes.FakePool())
    messages = [{"role": "user", "content": "Hi"}] * 3
    request = RoutingRequest(text="Hi", turns=3)
    begin(shadow, Answered("r1", request, "chat", {"messages": messages}, "small", "11"))
    assert shadow.lines()[0]["messages"] == messages


@pytest.mark.parametrize(
    ("script", "result"),
    [
        ((PoolFailed("died"),), "failed"),
        ((PoolBusy("full"),), "dropped"),
        ((OSError("no"),), "failed"),
        ((Opened(400), Chunk(b'{"error": {}}')), "failed"),
        ((Opened(200), Chunk(b'{"choices": [{"message": {"content": null}}]}'), Closed(Usage())), "failed"),
        ((lambda: asyncio.sleep(60),), "failed"),
    ],
)
def test_failures_are_only_counted(make, script, result):
    shadow = make(fakes.FakePool(script))
    assert begin(shadow, ANSWERED) == [result]
    assert not shadow._lines.folder.exists()


@pytest.mark.parametrize(
    "fleet", [None, {}, {"large": PoolState("large", ())}, {"large": PoolState("large", (replica(waiting=1),))}]
)
def test_a_busy_or_unknown_pool_is_not_asked(make, fleet):
    pool = fakes.FakePool()
    assert begin(make(pool), ANSWERED, fleet=fleet) == ["dropped"]
    assert pool.requests == []


def test_no_more_than_max_ongoing_at_a_time(make):
    pool = fakes.FakePool((lambda: asyncio.sleep(0.05), *fakes.WHOLE))
    results = begin(make(pool), *[ANSWERED] * 5)
    assert sorted(results) == ["dropped"] * 3 + ["recorded"] * 2


@pytest.mark.parametrize(
    ("generates", "model", "tier", "alternatives", "wanted"),
    [
        (True, "auto", "small", ("moe", "large"), True),
        (True, "auto:cheap", "moe", ("large",), True),
        (False, "auto", "small", ("large",), False),
        (True, "small", "small", ("large",), False),
        (True, "auto", "large", ("small",), False),
        (True, "auto", "small", ("moe",), False),
    ],
)
def test_who_is_asked_twice(make, generates, model, tier, alternatives, wanted):
    decision = RoutingDecision(tier, tier, 0.5, (), alternatives=alternatives)
    request = RoutingRequest("hi", model=model, generates=generates)
    ticket = SimpleNamespace(request=request, decision=decision)
    assert make(fakes.FakePool()).wants("r1", ticket) is wanted


@pytest.mark.parametrize("share", [0.01, 0.3, 0.9, 1.0])
def test_sampling_is_a_share_of_ids_and_always_the_same(share):
    ids = [f"request-{number}" for number in range(4_000)]
    taken = [is_sampled(each, share) for each in ids]
    assert taken == [is_sampled(each, share) for each in ids]
    assert abs(sum(taken) / len(ids) - share) < 0.03


@pytest.mark.parametrize(
    ("data", "streamed", "text"),
    [
        (fakes.ANSWER, False, "twelve"),
        (b'{"text": "twelve", "usage": {}}', False, "twelve"),
        (b'data: {"choices": [{"delta": {"content": "twe"}}]}\n\ndata: {"choices": [{"delta": {"content": "lve"}}]}\n\n'
         b"data: [DONE]\n\n", True, "twelve"),
        (b"\xff", False, ""),
        (b"[]", False, ""),
        (b"", True, ""),
    ],
)  # fmt: skip
def test_the_text_a_client_got(data, streamed, text):
    assert client_text(data, streamed) == text
