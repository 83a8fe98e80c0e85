"""Shadow traffic: another pool answers a share of the answered requests as well, and both answers are recorded.

Shadow requests never reach or delay a client. They start after the client has its answer, have the lowest priority,
and are dropped if the pool is busy.
"""

from __future__ import annotations

import asyncio
import hashlib
import json
import logging
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cluster.spec import FleetSpec
from cluster.state import FleetState
from cluster.wish import is_auto
from deployments.board.durable_files import JsonLinesFolder
from deployments.gateway.pool_client import PoolBusy, PoolClient, PoolFailed
from deployments.metrics.gateway import GatewayMetrics
from deployments.wire.answers import answer_text
from deployments.wire.frames import Chunk, Closed, EngineRequest, Frame, Kind, Opened
from router.desk import Ticket
from router.recording import outcome_line
from router.types import RoutingRequest

MAX_ANSWER_BYTES = 1_000_000
"""Longer answers are not recorded."""

log = logging.getLogger("signalbox.shadow")


@dataclass(frozen=True)
class Answered:
    """A request that was answered to its client."""

    request_id: str
    request: RoutingRequest
    kind: Kind
    body: Mapping[str, Any]
    """The body as the client sent it."""
    tier: str
    answer: str


def is_sampled(request_id: str, share: float) -> bool:
    """Whether a request belongs to a share (0..1) of all requests; equal ids always give the same result."""
    digest = hashlib.blake2b(request_id.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest) < share * 2**64


class Shadow:
    """Sends shadow requests to the spec's shadow pool and records its answers."""

    def __init__(self, spec: FleetSpec, pools: Mapping[str, PoolClient], folder: Path, metrics: GatewayMetrics) -> None:
        assert spec.routing.shadow is not None
        self.pool = spec.routing.shadow.pool
        self._rule = spec.routing.shadow
        self._tier = spec.pools[self.pool].tier
        self._model = spec.pools[self.pool].public_name
        self._client = pools[self.pool]
        self._timeout_s = spec.gateway.request_timeout_s
        self._priority = max(spec.gateway.priorities.values(), default=0) + 1
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

    def begin(self, answered: Answered, fleet: FleetState | None) -> None:
        """Ask the shadow pool in the background, unless it is busy or too many shadow requests are ongoing."""
        state = (fleet or {}).get(self.pool)
        if answered.tier == self._tier or not answered.answer:
            return
        if len(self._tasks) >= self._rule.max_ongoing or state is None or state.waiting or not state.ready:
            self._count("dropped")
            return
        task = asyncio.create_task(self._record(answered))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _record(self, answered: Answered) -> None:
        try:
            async with asyncio.timeout(self._timeout_s):
                frames = await self._ask(answered)
            line = self._line(answered, frames)
            if line is not None:
                await asyncio.to_thread(self._lines.append, line)
            self._count("recorded" if line else "failed")
        except (PoolFailed, PoolBusy, TimeoutError, OSError) as error:
            log.warning("shadow request to %s: %s", self.pool, error)
            self._count("dropped" if isinstance(error, PoolBusy) else "failed")

    async def _ask(self, answered: Answered) -> list[Frame]:
        # A whole answer instead of a stream, because no client waits for its first token.
        body = {name: value for name, value in answered.body.items() if name not in ("stream", "stream_options")}
        body["model"] = self._model
        request_id = f"shadow-{secrets.token_hex(8)}"
        async with self._client.frames(EngineRequest(answered.kind, body, request_id, self._priority)) as frames:
            return [frame async for frame in frames]

    def _line(self, answered: Answered, frames: list[Frame]) -> dict[str, Any] | None:
        """Return both answers as an outcome line without quality; None for an error or an answer without text."""
        failed = any(isinstance(frame, Opened) and frame.status != 200 for frame in frames)
        text = "" if failed else answer_text(frames)
        closed = next((frame for frame in frames if isinstance(frame, Closed)), Closed())
        if not text:
            return None
        return outcome_line(
            answered.request,
            output_tokens={self._tier: closed.usage.completion_tokens} if closed.usage.completion_tokens else None,
            answer={answered.tier: answered.answer, self._tier: text},
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
