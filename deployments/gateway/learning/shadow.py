"""Shadow traffic: another pool answers a share of the answered requests as well, and both answers are recorded.

A shadow request is dropped if the pool is busy.
"""

from __future__ import annotations

import asyncio
import json
import logging
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from cluster.spec import FleetSpec
from cluster.wish import is_auto
from deployments.board.durable_files import JsonLinesFolder
from deployments.gateway.learning.quiet_ask import Answered, QuietAnswer, QuietAsk, is_idle, is_sampled
from deployments.gateway.pool_client import PoolBusy, PoolClient, PoolFailed
from deployments.metrics.gateway import GatewayMetrics
from deployments.wire.answers import answer_text
from deployments.wire.frames import Chunk, Opened
from router.desk import Ticket
from router.recording import outcome_line

MAX_ANSWER_BYTES = 1_000_000
"""Longer answers are not recorded."""

log = logging.getLogger("signalbox.shadow")


class Shadow:
    """Sends shadow requests to the spec's shadow pool and records its answers."""

    def __init__(self, spec: FleetSpec, pools: Mapping[str, PoolClient], folder: Path, metrics: GatewayMetrics) -> None:
        assert spec.routing.shadow is not None
        self.pool = spec.routing.shadow.pool
        self._rule = spec.routing.shadow
        self._tier = spec.pools[self.pool].tier
        self._ask = QuietAsk(spec, pools)
        self._lines = JsonLinesFolder(folder)
        self._metrics = metrics
        self._tasks: set[asyncio.Task[None]] = set()

    def wants(self, request_id: str, ticket: Ticket) -> bool:
        """Whether this request is sampled, and the shadow pool has another tier and could answer it."""
        request, decision = ticket.request, ticket.decision
        return (
            request.generates
            and is_auto(request.model)
            and self.pool in decision.alternatives
            and decision.tier != self._tier
            and is_sampled(request_id, self._rule.share)
        )

    def begin(self, answered: Answered, ticket: Ticket) -> None:
        """Ask the shadow pool in the background, unless it is busy or too many shadow requests are ongoing."""
        if answered.tier == self._tier or not answered.answer:
            return
        if len(self._tasks) >= self._rule.max_ongoing or not is_idle(ticket.desk.fleet, self.pool):
            self._count("dropped")
            return
        task = asyncio.create_task(self._record(answered))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _record(self, answered: Answered) -> None:
        try:
            other = await self._ask(self.pool, answered)
            if other is not None:
                await asyncio.to_thread(self._lines.append, self._line(answered, other))
            self._count("recorded" if other else "failed")
        except (PoolFailed, PoolBusy, TimeoutError, OSError) as error:
            log.warning("shadow request to %s: %s", self.pool, error)
            self._count("dropped" if isinstance(error, PoolBusy) else "failed")

    def _line(self, answered: Answered, other: QuietAnswer) -> dict[str, Any]:
        """Return both answers as an outcome line without quality."""
        tokens = other.usage.completion_tokens
        return outcome_line(
            answered.request,
            output_tokens={self._tier: tokens} if tokens else None,
            answer={answered.tier: answered.answer, self._tier: other.text},
            source="shadow",
            request_id=answered.request_id,
            messages=answered.body.get("messages") if answered.request.turns > 1 else None,
        )

    def _count(self, result: str) -> None:
        self._metrics.shadow.inc(tags={"pool": self.pool, "result": result})


def client_text(data: bytes, streamed: bool) -> str:
    """Return the text of an answer as a client received it; "" if it has none."""
    if streamed or b'"choices"' in data:
        return answer_text([Opened(200, streams=streamed), Chunk(data)])
    try:
        return str(json.loads(data)["text"])  # POST /generate
    except (ValueError, LookupError, TypeError):
        return ""
