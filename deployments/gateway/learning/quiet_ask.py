"""Ask another pool about a request that its client has the answer to already.

Such a request never reaches or delays a client: it starts afterwards, has the lowest priority, and is not sent to a
busy pool.
"""

from __future__ import annotations

import asyncio
import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cluster.spec import FleetSpec
from cluster.state import FleetState
from cluster.usage import Usage
from deployments.gateway.errors import HttpError
from deployments.gateway.pool_client import PoolClient
from deployments.wire.answers import answer_text
from deployments.wire.frames import Closed, EngineRequest, Kind, Opened
from router.types import RoutingRequest


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
    tokens: int = 0
    """Tokens of the answer; 0 if the engine counts none."""


@dataclass(frozen=True)
class QuietAnswer:
    """Another pool's answer."""

    text: str
    usage: Usage


def is_sampled(request_id: str, share: float) -> bool:
    """Whether a request belongs to a share (0..1) of all requests; equal ids always give the same result."""
    return lot(request_id) < share


def lot(request_id: str) -> float:
    """Return a number in 0..1 that depends on the id alone."""
    digest = hashlib.blake2b(request_id.encode("utf-8", "surrogatepass"), digest_size=8).digest()
    return int.from_bytes(digest) / 2**64


def is_idle(fleet: FleetState | None, pool: str) -> bool:
    """Whether a pool has a ready replica and no request waits there."""
    state = (fleet or {}).get(pool)
    return state is not None and bool(state.ready) and not state.waiting


class QuietAsk:
    """Sends such requests for one gateway replica."""

    def __init__(self, spec: FleetSpec, pools: Mapping[str, PoolClient]) -> None:
        self._spec = spec
        self._pools = pools
        self._timeout_s = spec.gateway.request_timeout_s
        self._priority = max(spec.gateway.priorities.values(), default=0) + 1

    async def __call__(self, pool: str, answered: Answered) -> QuietAnswer | None:
        """Return the pool's answer; None for an error, a message that is too large, or an answer without text.

        Raises:
            PoolFailed, PoolBusy, TimeoutError: the pool did not answer.
        """
        # A whole answer instead of a stream, because no client waits for its first token.
        body = {name: value for name, value in answered.body.items() if name not in ("stream", "stream_options")}
        body["model"] = self._spec.pools[pool].public_name
        request = EngineRequest(answered.kind, body, f"quiet-{secrets.token_hex(8)}", self._priority)
        try:
            async with asyncio.timeout(self._timeout_s), self._pools[pool].frames(request) as stream:
                frames = [frame async for frame in stream]
        except HttpError:
            return None
        failed = any(isinstance(frame, Opened) and frame.status != 200 for frame in frames)
        closed = next((frame for frame in frames if isinstance(frame, Closed)), Closed())
        text = "" if failed else answer_text(frames)
        return QuietAnswer(text, closed.usage) if text else None
