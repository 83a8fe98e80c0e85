"""The board's part in scaling: demand that is forgotten in time, decisions of which changes are logged."""

from __future__ import annotations

from dataclasses import replace

from autoscaling.types import PoolDemand
from deployments.board.periods import GATEWAY_GONE_AFTER_S
from deployments.board.records import Decided
from deployments.board.scaling import LOG_LENGTH, ScalingBoard

KEPT = Decided("small", 1.0, 1, 1, 1, "calm", {"waiting": 0.0})
GROWN = replace(KEPT, at_s=2.0, desired=2, reason="KV pressure 1.2 in 1 replica")


def test_demand_of_a_gateway_that_is_gone_is_forgotten():
    board = ScalingBoard()
    board.demand_of("a", {"small": PoolDemand(1)}, 10.0)
    board.demand_of("b", {"small": PoolDemand(2)}, 14.0)
    assert board.demand(14.0)["small"].arrivals_per_s == 3
    assert board.demand(11.0 + GATEWAY_GONE_AFTER_S)["small"].arrivals_per_s == 2


def test_changes_are_logged_once_and_the_newest_first():
    board = ScalingBoard()
    board.decided([KEPT])
    board.decided([GROWN])
    board.decided([replace(GROWN, at_s=3.0)])  # Serve has not taken it up yet
    board.decided([replace(KEPT, at_s=4.0, target=2, desired=2, ready=1)])
    board.decided([replace(KEPT, at_s=9.0, target=2, desired=1, reason="1 replica would do")])
    view = board.log()
    assert [entry.at_s for entry in view.log] == [9.0, 2.0]
    assert view.current["small"].at_s == 9.0


def test_a_problem_is_logged_though_nothing_changes():
    board = ScalingBoard()
    broken = replace(KEPT, problem="ValueError: no")
    board.decided([broken])
    board.decided([broken])
    board.decided([KEPT])
    board.decided([broken])
    assert len(board.log().log) == 2


def test_the_log_is_bounded():
    board = ScalingBoard()
    for step in range(2 * LOG_LENGTH):
        board.decided([replace(KEPT, at_s=float(step), desired=2 + step % 2)])
    assert len(board.log().log) == LOG_LENGTH
    assert board.log().log[0].at_s == 2 * LOG_LENGTH - 1
