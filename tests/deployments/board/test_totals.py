"""Totals of routing: gateway replicas add up, each replaces what it said before."""

from __future__ import annotations

from deployments.board.records import Totals
from deployments.board.totals import TotalsBoard


def test_gateways_add_up_and_one_that_is_gone_keeps_its_share():
    board = TotalsBoard()
    board.exchange("a", Totals({"small": 1}, {}, 0.5, 1.0))
    board.exchange("a", Totals({"small": 2, "large": 1}, {"small": 2}, 1.0, 2.0))
    whole = board.exchange("b", Totals({"small": 3}, {"small": 1}, 0.25, 0.5))
    assert whole == Totals({"small": 5, "large": 1}, {"small": 3}, 1.25, 2.5)
    assert board.exchange("b", Totals({"small": 4})).decisions["small"] == 6
