"""Answer an inference request: `Answering.answer` is its whole path through the gateway."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from typing import Any

from cluster.spec import FleetSpec
from deployments.gateway.desk import GatewayDesk
from deployments.gateway.exchange import STREAM_TYPE, Exchange
from deployments.gateway.learning.learning import Learning
from deployments.gateway.pool_client import PoolClient
from deployments.gateway.second_opinions import judged_frames
from deployments.gateway.ticket import ContextTooShort, GatewayTicket, pool_errors
from deployments.wire.errors import is_context_refusal
from deployments.wire.frames import Chunk, Closed, Frame, Kind, Opened
from router.types import RoutingRequest

Frames = AsyncIterator[Frame]
Shape = Callable[[bytes], bytes]
"""Converts the body of a whole answer into the format that the client expects."""


class Answering:
    """Relays inference requests of one gateway replica to the pools that the desk chooses."""

    def __init__(self, spec: FleetSpec, pools: Mapping[str, PoolClient], desk: GatewayDesk, learning: Learning) -> None:
        self.limits = spec.gateway
        self.pools = pools
        self.desk = desk
        self.learning = learning

    async def answer(
        self, exchange: Exchange, kind: Kind, body: dict[str, Any], request: RoutingRequest, shape: Shape = bytes
    ) -> None:
        """Decide, and relay a pool's frames. Ask another pool after a failure, a refusal or a doubt before any byte.

        Raises:
            HttpError: no pool may answer, or every attempt failed.
        """
        ticket = self.desk.open(exchange, kind, body, request)
        self.learning.before(ticket)
        with ticket, pool_errors(exchange):
            async with exchange.within(self.limits.request_timeout_s):
                for pool in ticket.attempts:
                    with ticket.asked(pool):
                        await self._relay(ticket, pool, shape)
        self.learning.after(ticket)

    async def _relay(self, ticket: GatewayTicket, pool: str, shape: Shape) -> None:
        """Relay one pool's frames to the client, unless a second opinion drops them."""
        async with judged_frames(self.pools, ticket, pool) as frames:
            # A whole answer opens when it is complete. Only a stream opens with its first token.
            timeout_s = self.limits.first_token_timeout_s if ticket.body.get("stream") else None
            with self.desk.ledger.demand.unopened(pool):
                opened = await asyncio.wait_for(anext(frames), timeout_s)
            assert isinstance(opened, Opened)
            ticket.explain(pool)  # again, now with the judgement of the answer
            if opened.streams:
                await self._stream(ticket, pool, opened, frames)
            else:
                await self._whole(ticket, pool, opened, frames, shape)

    async def _stream(self, ticket: GatewayTicket, pool: str, opened: Opened, frames: Frames) -> None:
        exchange = ticket.exchange
        async for frame in frames:
            if isinstance(frame, Closed):
                ticket.ended(pool, opened.status, frame.usage)
            elif isinstance(frame, Chunk):
                if not exchange.started:
                    ticket.first_byte(pool)
                    await exchange.start(opened.status, STREAM_TYPE)
                await exchange.write(frame.data)
        await exchange.write(b"", more=False)

    async def _whole(self, ticket: GatewayTicket, pool: str, opened: Opened, frames: Frames, shape: Shape) -> None:
        """Join the parts of a body: messages between processes have a maximum size, answers do not.

        Raises:
            ContextTooShort: the pool refused the request for its context, and another pool has a larger one.
        """
        parts, closed = [], None
        async for frame in frames:
            if isinstance(frame, Chunk):
                parts.append(frame.data)
            elif isinstance(frame, Closed):
                closed = frame
        body = b"".join(parts)
        if is_context_refusal(opened.status, body) and ticket.attempts.too_long(pool):
            raise ContextTooShort
        await ticket.exchange.reply(opened.status, shape(body) if opened.status == 200 else body)
        if closed is not None:
            ticket.ended(pool, opened.status, closed.usage)
