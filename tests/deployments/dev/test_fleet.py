"""The fleet of `make dev`: replicas that come and go, and the decisions that say so."""

from __future__ import annotations

import asyncio

import pytest

from cluster.spec import FleetSpec
from deployments.dev import fleet as module
from deployments.dev.fleet import SPEC, DevFleet
from deployments.wire.frames import EngineRequest


@pytest.fixture
def fleet(tmp_path, monkeypatch):
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    monkeypatch.setattr(module, "START_S", 0.0)
    return DevFleet(FleetSpec.model_validate(SPEC))


def _board(fleet):
    fleet.board.board._started_s = 0.0  # a new board answers nothing for its first seconds
    return fleet.board.board


def test_a_scale_up_adds_a_replica_and_a_scale_down_takes_its_report_back(fleet):
    board, pool = _board(fleet), fleet.pools["moe"]

    async def scale():
        sizes = []
        for size in (3, 1):
            await fleet._scale(pool, size)
            for state in pool.reports():
                board.report(state)
            sizes.append(sorted(state.replica_id for state in board.exchange_scaling([]).reports))
        return sizes

    assert asyncio.run(scale()) == [["moe-0", "moe-1", "moe-2"], ["moe-0"]]
    assert [entry.desired for entry in board.scaling(10).log] == [1, 3]


def test_a_request_goes_to_the_replica_with_the_fewest_ongoing(fleet):
    pool = fleet.pools["small"]
    pool.resize(2)
    pool.engines[0].waiting = 1
    request = EngineRequest("chat", {"messages": [], "max_tokens": 1}, "one")

    async def ask():
        async with pool.frames(request) as frames:
            return [frame async for frame in frames]

    frames = asyncio.run(ask())
    assert frames[0].status == 200
    assert [engine.generated_tokens_total for engine in pool.engines] == [0, 1]


def test_the_board_answers_as_an_actor_would(fleet):
    _board(fleet)
    assert asyncio.run(fleet.board.exchange_scaling([])).reports == []
    assert asyncio.run(fleet.board.recall("unknown")) is None
