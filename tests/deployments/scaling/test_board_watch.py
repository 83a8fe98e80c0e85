"""The policy's exchange with the board: decisions go out, the view comes in, and an unreachable board loses nothing."""

from __future__ import annotations

import asyncio
import time
from types import SimpleNamespace

import pytest
from fake_board import FakeBoard

from autoscaling.types import PoolDemand
from cluster.spec import FleetSpec
from cluster.state import ReplicaState
from deployments.board.records import Decided
from deployments.scaling import board_watch
from deployments.scaling.board_watch import BoardWatch

SPEC = FleetSpec.model_validate({"pools": {"small": {"tier": "small", "model": "a", "engine": {"kind": "simulated"}}}})


@pytest.fixture
def board(tmp_path):
    board = FakeBoard(tmp_path, SPEC)
    board.listened()
    return board


@pytest.fixture
def watch(monkeypatch):
    monkeypatch.setattr(board_watch.threading, "Thread", lambda **_: SimpleNamespace(start=lambda: None))
    return BoardWatch(SPEC)


def decided(number):
    return Decided("small", float(number), 1, 1 + number, 1, "demand", {})


def test_an_exchange_delivers_decisions_once_and_brings_the_view(watch, board):
    board.board.report(ReplicaState("small", "a", "n", time.time()))
    board.board._scaling.demand_of("gateway", {"small": PoolDemand(5.0)}, time.time())
    watch.publish([decided(1)])
    for _ in range(2):
        asyncio.run(watch.exchange(board))
    assert [one.at_s for one in board.board.scaling(9).log] == [1.0]
    assert watch.view.fleet["small"].ready == 1
    assert watch.view.demand["small"].arrivals_per_s == 5.0
    assert time.time() - watch.view.as_of_s < 5


def test_a_board_without_a_spec_gives_no_view(watch, tmp_path):
    board = FakeBoard(tmp_path)
    board.listened()
    asyncio.run(watch.exchange(board))
    assert watch.view is None
    board.board.apply(SPEC)
    asyncio.run(watch.exchange(board))
    assert watch.view.spec == SPEC


def test_decisions_are_kept_while_the_board_is_unreachable_the_newest_if_there_are_too_many(watch, board):
    board.away = True
    for number in range(board_watch.MOST_UNDELIVERED + 5):
        watch.publish([decided(number)])
        asyncio.run(watch.exchange(board))
    assert watch.view is None
    board.away = False
    asyncio.run(watch.exchange(board))
    log = [one.at_s for one in board.board.scaling(1_000).log]
    assert (len(log), log[0]) == (board_watch.MOST_UNDELIVERED, board_watch.MOST_UNDELIVERED + 4)


def test_a_board_that_has_just_restarted_leaves_the_last_view(watch, board):
    asyncio.run(watch.exchange(board))
    before = watch.view
    board.restart()
    watch.publish([decided(1)])
    asyncio.run(watch.exchange(board))
    assert watch.view is before
    assert board.board.scaling(9).current.keys() == {"small"}
