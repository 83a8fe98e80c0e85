"""What is counted of HTTP requests when they have ended, whatever became of them."""

from __future__ import annotations

from collections.abc import Collection

from deployments.gateway.exchange import Exchange
from deployments.metrics.gateway import GatewayMetrics
from deployments.metrics.rejections import is_outage, rejection_reason

ANSWERING_PATHS = frozenset({"/v1/chat/completions", "/v1/completions", "/generate"})
"""Where a model answers: what tenants are counted by, and what objectives are about."""
CLIENT_LEFT = 499
"""The status of a request whose client went away before there was one, as nginx writes it."""


class RequestCounts:
    """The counts of one gateway replica."""

    def __init__(self, metrics: GatewayMetrics, paths: Collection[str]) -> None:
        self._metrics = metrics
        self._paths = paths

    def ended(self, exchange: Exchange) -> None:
        """Count a request, under the pool that was asked last."""
        pool, tenant = exchange.response_headers.get("x-signalbox-pool", ""), exchange.client or ""
        path = exchange.path if exchange.path in self._paths else "other"
        status = str(exchange.status or CLIENT_LEFT)
        self._metrics.requests.inc(tags={"path": path, "pool": pool, "status": status})
        if exchange.disconnected:
            self._metrics.cancelled.inc(tags={"pool": pool})
        if path in ANSWERING_PATHS:
            self._metrics.tenant_requests.inc(tags={"tenant": tenant})
            self._count_outage(exchange, pool)
        # What is no error of the gateway's and no answer, as `/ready` before a fleet is up, refuses nobody.
        if exchange.status >= 400 and (exchange.error is not None or path in ANSWERING_PATHS):
            reason = rejection_reason(exchange.status, exchange.error.code if exchange.error else None)
            self._metrics.rejections.inc(tags={"reason": reason, "tenant": tenant})

    def _count_outage(self, exchange: Exchange, pool: str) -> None:
        """Count an answer that the client should have got. A broken stream's status is that of its error event."""
        status = exchange.error.status if exchange.error else exchange.status
        if is_outage(status):
            self._metrics.slo_answers.inc(tags={"pool": pool})
            self._metrics.slo_missed.inc(tags={"pool": pool, "objective": "error"})
