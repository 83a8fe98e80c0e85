"""The scaling policy's exchange with the fleet board, in a thread: a policy must not block Serve's controller."""

from __future__ import annotations

import asyncio
import logging
import threading
import time
import weakref
from collections.abc import Mapping
from dataclasses import dataclass

from autoscaling.types import PoolDemand
from cluster.spec import FleetSpec
from cluster.state import PoolState, group_by_pool
from deployments.board.link import BoardLink
from deployments.board.periods import BOARD_TIMEOUT_S, DECIDE_EVERY_S
from deployments.board.records import Decided

MOST_UNDELIVERED = 100
"""Decisions that are kept while the board is unreachable; the oldest are dropped."""

log = logging.getLogger("signalbox.scaling")


@dataclass(frozen=True)
class View:
    """The fleet as the board knew it at one moment."""

    as_of_s: float
    fleet: Mapping[str, PoolState]
    demand: Mapping[str, PoolDemand]
    spec: FleetSpec
    """The applied spec."""


class BoardWatch:
    """Exchanges with the board in a thread: the newest view comes in, decisions go out. Ends with its owner."""

    def __init__(self, spec: FleetSpec) -> None:
        self.view: View | None = None
        self._undelivered: list[Decided] = []
        watch, board = weakref.ref(self), BoardLink(spec, BOARD_TIMEOUT_S)
        threading.Thread(target=lambda: asyncio.run(_exchange_forever(watch, board)), daemon=True).start()

    def publish(self, decisions: list[Decided]) -> None:
        """Hand decisions to the next exchange."""
        self._undelivered = [*self._undelivered, *decisions][-MOST_UNDELIVERED:]

    async def exchange(self, board: BoardLink) -> None:
        """Exchange once; without the board the view grows old."""
        decisions, self._undelivered = self._undelivered, []
        answer = await board.exchange_scaling(decisions)
        if answer is None:
            self._undelivered = [*decisions, *self._undelivered][-MOST_UNDELIVERED:]
        elif answer.reports is not None and answer.spec is not None:
            self.view = View(time.time(), group_by_pool(answer.reports), answer.demand, answer.spec)


async def _exchange_forever(watch: weakref.ref[BoardWatch], board: BoardLink) -> None:
    while (owner := watch()) is not None:
        try:
            await owner.exchange(board)
        except Exception:
            log.exception("no new view of the fleet; trying again")
        del owner
        await asyncio.sleep(DECIDE_EVERY_S)
