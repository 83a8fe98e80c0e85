"""The fleet of `make dev`: replicas that come and go, and the decisions that say so."""

from __future__ import annotations

import asyncio

import pytest

from cluster.spec import FleetSpec
from deployments.dev import fleet as module
from deployments.dev.fleet import SPEC, DevFleet


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
