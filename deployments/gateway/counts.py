"""Count what a gateway replica does: HTTP requests when they end, and answers with their times and tokens."""

from __future__ import annotations

import time
from collections.abc import Collection

from autoscaling.lateness import missed
from cluster.scaling import ScalingSpec
from cluster.usage import Usage
from deployments.gateway.exchange import Exchange
from deployments.metrics.gateway import GatewayMetrics
from deployments.metrics.rejections import is_outage, rejection_reason

ANSWERING_PATHS = frozenset({"/v1/chat/completions", "/v1/completions", "/generate"})
"""Paths on which a model answers. Tenants and objectives count only these."""
CLIENT_LEFT = 499
"""Status of a request whose client left before the response had a status; nginx uses the same number."""


class RequestCounts:
    """Counts all HTTP requests, successful or not."""

    def __init__(self, metrics: GatewayMetrics, paths: Collection[str]) -> None:
        self._metrics = metrics
        self._paths = paths

    def ended(self, exchange: Exchange) -> None:
        """Count a request under the last pool that was asked."""
        pool, tenant = exchange.pool, exchange.client or ""
        path = exchange.path if exchange.path in self._paths else "other"
        status = str(exchange.status or CLIENT_LEFT)
        self._metrics.requests.inc(tags={"path": path, "pool": pool, "status": status})
        if exchange.disconnected:
            self._metrics.cancelled.inc(tags={"pool": pool})
        if path in ANSWERING_PATHS:
            self._metrics.tenant_requests.inc(tags={"tenant": tenant})
            self._count_outage(exchange, pool)
        # The 503 of `/ready` while a fleet starts is neither a gateway error nor an answer, so it is not a rejection.
        if exchange.status >= 400 and (exchange.error is not None or path in ANSWERING_PATHS):
            reason = rejection_reason(exchange.status, exchange.error.code if exchange.error else None)
            self._metrics.rejections.inc(tags={"reason": reason, "tenant": tenant})

    def _count_outage(self, exchange: Exchange, pool: str) -> None:
        """Count an answer that the client should have received. A broken stream has the status of its error event."""
        status = exchange.error.status if exchange.error else exchange.status
        if is_outage(status):
            self._metrics.slo_answers.inc(tags={"pool": pool})
            self._metrics.slo_missed.inc(tags={"pool": pool, "objective": "error"})


class AnswerCounts:
    """Counts answers: times and objectives of those that clients received, tokens and cost of all answers."""

    def __init__(self, targets: ScalingSpec, metrics: GatewayMetrics) -> None:
        self._targets = targets
        self._metrics = metrics

    def complete(self, pool: str, arrived: float, first: float | None, usage: Usage) -> None:
        """Count an answer that a client received as a whole.

        Args:
            arrived: arrival of the request, in seconds of `time.perf_counter`.
            first: when the first byte was sent, on the same clock; None for an answer that was not streamed.
        """
        tags, now, steps = {"pool": pool}, time.perf_counter(), usage.completion_tokens - 1
        self._metrics.e2e.observe(now - arrived, tags=tags)
        if first is not None and steps > 0:
            self._metrics.tpot.observe((now - first) / steps, tags=tags)
        first_s = None if first is None else first - arrived
        misses = missed(self._targets, first_s, now - arrived, usage.completion_tokens)
        self._metrics.slo_answers.inc(tags=tags)
        if not misses:
            self._metrics.slo_met.inc(tags=tags)
        for objective in misses:
            self._metrics.slo_missed.inc(tags=tags | {"objective": objective})

    def consumed(self, pool: str, tenant: str | None, usage: Usage, cost: float) -> None:
        """Count a pool's tokens, whether the client saw them or not; `cost` is in the prices' currency."""
        tags, who = {"pool": pool}, {"tenant": tenant or ""}
        self._metrics.prompt_tokens.inc(usage.prompt_tokens, tags=tags)
        self._metrics.cached_tokens.inc(usage.cached_tokens, tags=tags)
        self._metrics.completion_tokens.inc(usage.completion_tokens, tags=tags)
        self._metrics.realised_cost.inc(cost, tags=tags)
        self._metrics.tenant_tokens.inc(usage.prompt_tokens, tags=who | {"kind": "prompt"})
        self._metrics.tenant_tokens.inc(usage.completion_tokens, tags=who | {"kind": "completion"})
        self._metrics.tenant_cost.inc(cost, tags=who)
