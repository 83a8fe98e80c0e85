"""Where a gateway replica decides: the router's desk, with the clock, the board and the ledger added."""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping
from typing import Any

from cluster.spec import FleetSpec
from cluster.state import FleetState
from deployments.board.link import BoardLink
from deployments.board.records import Decided
from deployments.gateway.errors import HttpError, router_errors
from deployments.gateway.exchange import Exchange
from deployments.gateway.ledger import Ledger
from deployments.gateway.scaling_export import ScalingExport
from deployments.gateway.ticket import GatewayTicket
from deployments.metrics.gateway import GatewayMetrics
from deployments.wire.frames import Kind
from router.budget.spend_window import SpendWindow
from router.conversations import SESSION_HEADER
from router.decide import Router
from router.desk import Desk, Sender
from router.explain import explained
from router.loading import load_confidence
from router.quality import QualityModel
from router.types import RoutingRequest
from router.wishes import ROUTE_HEADER

PRIORITY_HEADER = "x-signalbox-priority"


class GatewayDesk:
    """Decides and keeps the accounts of one gateway replica."""

    def __init__(self, spec: FleetSpec, model: QualityModel, board: BoardLink, metrics: GatewayMetrics) -> None:
        self.spec = spec
        self.accounts = Desk(spec, model, load_confidence(spec.routing))
        self.ledger = Ledger(spec, metrics)
        self.scaling: Mapping[str, Decided] = {}
        """The newest scaling decisions by pool; none without the board."""
        self._board = board
        self._spend = SpendWindow()
        self._scaling_export = ScalingExport(spec, metrics)
        self._gateway = secrets.token_hex(8)

    @property
    def fleet(self) -> FleetState | None:
        """The newest snapshot; None without the board."""
        return self.accounts.fleet

    @property
    def router(self) -> Router:
        """What decides now."""
        return self.accounts.router

    # -- a request -----------------------------------------------------------------------------------------------

    def open(self, exchange: Exchange, kind: Kind, body: dict[str, Any], request: RoutingRequest) -> GatewayTicket:
        """Decide for a request, book it and count it.

        Raises:
            HttpError: 400 for a header with unknown words; as `gateway.errors.NO_POOL` where no pool may answer.
        """
        priority = self._priority(exchange)
        with router_errors():
            ticket = self.accounts.open(request, time.time(), body, _sender(exchange))
        self.ledger.decided(ticket.request, ticket.decision)
        return GatewayTicket(ticket, self.ledger, exchange, kind, body, priority)

    def explain(self, exchange: Exchange, body: Mapping[str, Any], request: RoutingRequest) -> dict[str, Any]:
        """What would be decided now, as JSON-ready data; nothing is generated, booked or remembered.

        Raises:
            HttpError: as `open`.
        """
        with router_errors():
            request = self.accounts.complete(request, body, _sender(exchange))
            return explained(self.router, request, self.accounts.decide(request, time.time()))

    # -- in the background -------------------------------------------------------------------------------------

    async def sync(self, fleet: FleetState | None) -> None:
        """Take in a new snapshot, say what demand there is, and exchange what was spent with the other gateway
        replicas."""
        self.accounts.see(fleet)
        demand = self.ledger.demand.now(self.spec.pools, fleet)
        scaled = await self._board.call("demand", self._gateway, demand)
        self.scaling = scaled or {}
        self._scaling_export.set(scaled, fleet, time.time())
        for pool, one in demand.items():
            self.ledger.metrics.ongoing.set(self.ledger.demand.ongoing[pool], tags={"pool": pool})
            self.ledger.metrics.held.set(one.held, tags={"pool": pool})
        await self._settle()

    async def _settle(self) -> None:
        """Exchange what was spent with the other gateway replicas."""
        budget = self.accounts.budget
        if budget is None or self.spec.routing.budget is None:
            return
        booked = budget.take()
        section = self.spec.routing.budget.model_dump(mode="json")
        shared = await self._board.call("settle_budget", self._gateway, section, booked)
        if shared is None:
            budget.untake(booked)
        else:
            budget.adopt(*shared)
            spend = self._spend.mean(shared[0])
            if spend is not None and budget.target:
                self.ledger.metrics.spend_ratio.set(spend / budget.target)
        self.ledger.metrics.cost_lambda.set(budget.cost_lambda)

    # -- inside --------------------------------------------------------------------------------------------------

    def _priority(self, exchange: Exchange) -> int:
        priorities = self.spec.gateway.priorities
        name = exchange.headers.get(PRIORITY_HEADER, self.spec.gateway.default_priority)
        if name not in priorities:
            choices = ", ".join(priorities)
            raise HttpError(400, f"{PRIORITY_HEADER}: unknown priority '{name[:100]}': use one of {choices}.")
        return priorities[name]


def _sender(exchange: Exchange) -> Sender:
    headers = exchange.headers
    return Sender(exchange.client, headers.get(ROUTE_HEADER), headers.get(SESSION_HEADER))
