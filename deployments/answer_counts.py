"""What is counted of answers: times and objectives of those that clients got, tokens and cost of all there were."""

from __future__ import annotations

import time

from autoscaling.lateness import missed
from cluster.spec import FleetSpec
from cluster.usage import Usage
from deployments.gateway.desk import RoutingDesk
from deployments.metrics.gateway import GatewayMetrics


class AnswerCounts:
    """The counts of one gateway replica."""

    def __init__(self, spec: FleetSpec, desk: RoutingDesk, metrics: GatewayMetrics) -> None:
        self._targets = spec.scaling
        self._desk = desk
        self._metrics = metrics

    def complete(self, pool: str, arrived: float, first: float | None, usage: Usage) -> None:
        """A client has its whole answer.

        Args:
            arrived: when the request came, in seconds of `time.perf_counter`.
            first: when its first byte was sent; None for an answer that was not streamed.
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
        self._metrics.always_large_cost.inc(self._desk.always_large_cost(usage), tags=tags)

    def consumed(self, pool: str, tenant: str | None, usage: Usage) -> None:
        """A pool has consumed tokens, whether the client saw them or not."""
        cost, tags, who = self._desk.cost(pool, usage), {"pool": pool}, {"tenant": tenant or ""}
        self._metrics.prompt_tokens.inc(usage.prompt_tokens, tags=tags)
        self._metrics.cached_tokens.inc(usage.cached_tokens, tags=tags)
        self._metrics.completion_tokens.inc(usage.completion_tokens, tags=tags)
        self._metrics.realised_cost.inc(cost, tags=tags)
        self._metrics.tenant_tokens.inc(usage.prompt_tokens, tags=who | {"kind": "prompt"})
        self._metrics.tenant_tokens.inc(usage.completion_tokens, tags=who | {"kind": "completion"})
        self._metrics.tenant_cost.inc(cost, tags=who)
