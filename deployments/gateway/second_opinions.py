"""Second opinions before the first byte.

The gateway holds an answer back until its first tokens are judged, or until two cheap pools have answered.
`router.attempts` judges. The engine cancels a dropped answer, whose tokens still cost.
"""

from __future__ import annotations

import math
import time
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Protocol

from cluster.routing import EscalationSpec
from cluster.usage import Usage
from deployments.gateway.agreement import agreed, ask_both, usage_of
from deployments.gateway.pool_client import PoolClient
from deployments.wire.frames import Chunk, Closed, EngineRequest, Frame, Opened, Progress
from router.attempts import Attempts
from router.confidence.judge import Evidence


class Dropped(Exception):
    """An answer was dropped before its first byte. The next pool to ask is `next_pool`."""

    def __init__(self, next_pool: str) -> None:
        super().__init__(next_pool)
        self.next_pool = next_pool


class JudgedTicket(Protocol):
    """The ticket of a request whose answers are judged, such as `deployments.gateway.ticket.GatewayTicket`."""

    @property
    def attempts(self) -> Attempts:
        """The pools to ask, and the judgements."""

    def engine_request(self, pool: str, judged_tokens: int = 0) -> EngineRequest:
        """Return the request for a pool; `judged_tokens` is as in EngineRequest."""

    def spent(self, pool: str, usage: Usage, *, late: bool = False) -> None:
        """Account for a pool's tokens."""


@asynccontextmanager
async def judged_frames(
    pools: Mapping[str, PoolClient], ticket: JudgedTicket, pool: str
) -> AsyncIterator[AsyncIterator[Frame]]:
    """Yield the frames of a pool's answer, judged if necessary. Leaving the block cancels an unfinished request.

    Raises (while iterating, before the first frame):
        Dropped: the answer is not good enough; its tokens have been accounted for.
    """
    attempts = ticket.attempts
    judging = attempts.judging(pool)
    if judging is None:
        async with pools[pool].frames(ticket.engine_request(pool)) as frames:
            yield frames
    elif judging == "agreement":
        yield _agreeing(pools, ticket, pool)
    else:
        async with pools[pool].frames(ticket.engine_request(pool, attempts.rule.hold_tokens)) as frames:
            yield _confident(ticket, pool, frames)


async def _confident(ticket: JudgedTicket, pool: str, frames: AsyncIterator[Frame]) -> AsyncIterator[Frame]:
    """Judge an answer by its first tokens."""
    kept: list[Frame] = []
    evidence, usage = await _held(frames, ticket.attempts.rule, kept)
    if evidence is not None and (next_pool := ticket.attempts.judge(pool, evidence)):
        ticket.spent(pool, usage)
        raise Dropped(next_pool)
    for frame in kept:
        yield frame
    async for frame in frames:
        if not isinstance(frame, Progress):
            yield frame


async def _agreeing(pools: Mapping[str, PoolClient], ticket: JudgedTicket, pool: str) -> AsyncIterator[Frame]:
    """Judge a whole answer by the answer of another cheap pool."""
    partner = ticket.attempts.partner(pool)
    assert partner is not None  # judging has checked this
    first, second = await ask_both([(pools[each], ticket.engine_request(each)) for each in (pool, partner)])
    agree, reason = agreed((first, second))
    ticket.spent(partner, usage_of(second))
    if next_pool := ticket.attempts.compare(pool, partner, agree=agree, reason=reason):
        ticket.spent(pool, usage_of(first))
        raise Dropped(next_pool)
    assert isinstance(first, list)  # only an answer can agree
    for frame in first:
        yield frame


async def _held(frames: AsyncIterator[Frame], rule: EscalationSpec, kept: list[Frame]) -> tuple[Evidence | None, Usage]:
    """Read frames into `kept` until enough tokens were reported, or `hold_s` has passed since the first of them.

    The judgement reads at most the first `hold_tokens` tokens, however the engine groups them.

    Returns:
        no evidence if there is nothing to judge.
    """
    hold_tokens, until_s = rule.hold_tokens, math.inf
    logprobs: tuple[float, ...] = ()
    margins: tuple[float, ...] = ()
    usage, ended = Usage(), False
    async for frame in frames:
        if isinstance(frame, Progress):
            logprobs, margins, usage = logprobs + frame.logprobs, margins + frame.margins, frame.usage
            until_s = min(until_s, time.monotonic() + rule.hold_s)
        else:
            kept.append(frame)
        if isinstance(frame, Opened) and frame.status != 200:
            return None, usage
        if isinstance(frame, Closed):
            ended, usage = True, frame.usage
        silent = isinstance(frame, Chunk) and frame.token_ids and not logprobs
        if ended or silent or len(logprobs) >= hold_tokens or time.monotonic() >= until_s:
            break
    finished = ended and len(logprobs) < hold_tokens
    return Evidence(logprobs[:hold_tokens], margins[:hold_tokens], finished), usage
