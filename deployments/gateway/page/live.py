"""What the live page shows over time: each gateway replica samples the fleet, browsers read the samples."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping

from cluster.state import FleetState
from deployments.board.periods import EXCHANGE_EVERY_S
from deployments.board.records import Decided, Totals
from deployments.gateway.desk import GatewayDesk
from deployments.gateway.exchange import Exchange
from deployments.gateway.page.assets import Routes
from deployments.gateway.page.history import History


class LiveData:
    """Keeps a sample every two seconds; `GET /v1/history` shows them."""

    def __init__(self, desk: GatewayDesk, before: LiveData | None = None) -> None:
        """Go on with the samples that there were `before`, under an earlier spec."""
        self._desk = desk
        bounds = {name: pool.replicas for name, pool in desk.spec.pools.items()}
        self._history: History = History(bounds, before=before._history if before else None)
        self._sampled_s = -math.inf
        self.routes: Routes = {"/v1/history": {"GET": self._show}}

    def see(
        self, now_s: float, fleet: FleetState | None, scaling: Mapping[str, Decided], totals: Totals | None
    ) -> None:
        """Take a sample if one is due; called after every exchange with the fleet board.

        Args:
            fleet: None without the board.
            totals: of all gateway replicas; None without the board.
        """
        if now_s - self._sampled_s > self._history.every_s - EXCHANGE_EVERY_S / 2:
            self._sampled_s = now_s
            self._history.take(now_s, fleet, scaling, totals)

    async def _show(self, exchange: Exchange) -> None:
        view = self._history.view(time.time(), exchange.query_number("since", 0.0))
        has_large = any(pool.tier == "large" for pool in self._desk.spec.pools.values())
        costs = {"prices_assumed": self._desk.router.costs.assumed, "always_large": has_large}
        await exchange.reply_json({**view, **costs})
