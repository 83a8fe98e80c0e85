"""A board and pools in one process behave as those that Ray runs."""

from __future__ import annotations

import asyncio

import pytest

from cluster.spec import FleetSpec
from deployments.dev.fleet import SPEC
from deployments.dev.in_process import InProcessBoard, InProcessPool
from deployments.wire.frames import EngineRequest


@pytest.fixture
def spec(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    return FleetSpec.model_validate(SPEC)


def test_a_request_goes_to_the_replica_with_the_fewest_ongoing(spec):
    pool = InProcessPool(spec, "small")
    pool.resize(2)
    pool.engines[0].waiting = 1
    request = EngineRequest("chat", {"messages": [], "max_tokens": 1}, "one")

    async def ask():
        async with pool.frames(request) as frames:
            return [frame async for frame in frames]

    frames = asyncio.run(ask())
    assert frames[0].status == 200
    assert [engine.generated_tokens_total for engine in pool.engines] == [0, 1]


def test_a_pool_keeps_its_first_replicas_when_it_shrinks(spec):
    pool = InProcessPool(spec, "small")
    first = pool.engines[0]
    pool.resize(3)
    assert [state.replica_id for state in pool.reports()] == ["small-0", "small-1", "small-2"]
    pool.resize(1)
    assert pool.engines == [first]


def test_the_board_answers_as_an_actor_would(spec):
    link = InProcessBoard(spec)
    link.board._started_s = 0.0  # a new board gives no reports for its first seconds
    assert asyncio.run(link.exchange_scaling([])).reports == []
    assert asyncio.run(link.recall("unknown")) is None
