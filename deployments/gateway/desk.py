"""The desk of a gateway replica: the router's desk plus the clock and the ledger."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import Any

from cluster.spec import FleetSpec
from cluster.state import FleetState
from deployments.gateway.errors import HttpError, router_errors
from deployments.gateway.exchange import Exchange
from deployments.gateway.ledger import Ledger
from deployments.gateway.ticket import GatewayTicket
from deployments.metrics.gateway import GatewayMetrics
from deployments.wire.frames import Kind
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
    """Makes the decisions and keeps the accounts of one gateway replica."""

    def __init__(
        self, spec: FleetSpec, model: QualityModel, metrics: GatewayMetrics, before: GatewayDesk | None = None
    ) -> None:
        """Go on with the accounts that there were `before`, under an earlier spec."""
        self.spec = spec
        self.accounts: Desk = Desk(spec, model, load_confidence(spec.routing), before.accounts if before else None)
        self.ledger: Ledger = Ledger(spec, metrics, before.ledger if before else None)

    @property
    def fleet(self) -> FleetState | None:
        """The newest snapshot; None without the board."""
        return self.accounts.fleet

    @property
    def router(self) -> Router:
        """The router in use."""
        return self.accounts.router

    # -- a request -----------------------------------------------------------------------------------------------

    def open(self, exchange: Exchange, kind: Kind, body: dict[str, Any], request: RoutingRequest) -> GatewayTicket:
        """Decide for a request, book it and count it.

        Raises:
            HttpError: 400 for a header with unknown words; as in `gateway.errors.NO_POOL` if no pool may answer.
        """
        priority = self._priority(exchange)
        with router_errors():
            ticket = self.accounts.open(request, time.time(), body, _sender(exchange))
        self.ledger.decided(ticket.request, ticket.decision)
        return GatewayTicket(ticket, self.ledger, exchange, kind, body, priority)

    def explain(self, exchange: Exchange, body: Mapping[str, Any], request: RoutingRequest) -> dict[str, Any]:
        """Return the decision as JSON-ready data. Nothing is generated, booked or remembered.

        Raises:
            HttpError: as `open`.
        """
        with router_errors():
            request = self.accounts.complete(request, body, _sender(exchange))
            return explained(self.router, request, self.accounts.decide(request, time.time()))

    # -- inside --------------------------------------------------------------------------------------------------

    def _priority(self, exchange: Exchange) -> int:
        priorities = self.spec.gateway.priorities
        name = exchange.headers.get(PRIORITY_HEADER, self.spec.gateway.default_priority)
        if name not in priorities:
            choices = ", ".join(priorities)
            raise HttpError(400, f"{PRIORITY_HEADER}: unknown priority '{name[:100]}', use one of {choices}.")
        return priorities[name]


def _sender(exchange: Exchange) -> Sender:
    headers = exchange.headers
    return Sender(exchange.client, headers.get(ROUTE_HEADER), headers.get(SESSION_HEADER))
