"""What the live page shows over time: sampled by each gateway replica beside the requests' way, read by browsers."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time

from deployments.board.link import BoardLink
from deployments.gateway.desk import GatewayDesk
from deployments.gateway.exchange import Exchange
from deployments.gateway.page.assets import Routes
from deployments.gateway.page.history import History

log = logging.getLogger("signalbox.gateway")


class LiveData:
    """Takes a sample of the fleet every other second; `GET /v1/history` shows them."""

    def __init__(self, desk: GatewayDesk, board: BoardLink) -> None:
        self._desk = desk
        self._board = board
        self._gateway = secrets.token_hex(8)
        self._history = History({name: pool.replicas for name, pool in desk.spec.pools.items()})
        self.routes: Routes = {"/v1/history": {"GET": self._show}}

    async def sample_forever(self) -> None:
        """Keep the history; what fails once is left out."""
        while True:
            try:
                await self.sample(time.time())
            except Exception:
                log.exception("no sample for the live page")
            await asyncio.sleep(self._history.every_s)

    async def sample(self, now_s: float) -> None:
        """Take one sample; counts are those of all gateway replicas."""
        totals = await self._board.call("exchange_totals", self._gateway, self._desk.ledger.totals)
        self._history.take(now_s, self._desk.fleet, self._desk.scaling, totals)

    async def _show(self, exchange: Exchange) -> None:
        view = self._history.view(time.time(), exchange.query_number("since", 0.0))
        has_large = any(pool.tier == "large" for pool in self._desk.spec.pools.values())
        costs = {"prices_assumed": self._desk.router.costs.assumed, "always_large": has_large}
        await exchange.reply_json({**view, **costs})
