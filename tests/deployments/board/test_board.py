"""The fleet board: reports of replicas, and what it knows after a restart."""

from __future__ import annotations

from cluster.state import ReplicaState
from deployments.board.board import FleetBoard
from deployments.board.periods import LISTEN_FIRST_S, REPLICA_GONE_AFTER_S


def test_the_board_keeps_the_newest_and_forgets_the_silent(monkeypatch, tmp_path):
    clock = [100.0]
    monkeypatch.setattr("deployments.board.board.time.time", lambda: clock[0])
    board = FleetBoard(tmp_path)
    assert board.exchange_scaling([]).reports is None, "a new board knows nothing yet"
    clock[0] += LISTEN_FIRST_S
    for running in (1, 2):
        board.report(ReplicaState("small", "a", "n", clock[0], running=running))
    board.report(ReplicaState("small", "b", "n", clock[0]))
    assert [(r.replica_id, r.running) for r in board.exchange_scaling([]).reports] == [("a", 2), ("b", 0)]
    board.leave("a")
    assert [r.replica_id for r in board.exchange_scaling([]).reports] == ["b"]
    clock[0] += REPLICA_GONE_AFTER_S + 1
    assert board.exchange_scaling([]).reports == []
