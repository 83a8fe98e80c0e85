"""Second opinions before the first byte: an answer is held back until its first tokens have been judged, or until two
cheap pools have answered. `router.attempts` judges; what is dropped is cancelled in its engine and paid for."""

from __future__ import annotations

from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Protocol

from cluster.usage import Usage
from deployments.gateway.agreement import agreed, ask_both, usage_of
from deployments.gateway.pool_client import PoolClient
from deployments.wire.frames import Chunk, Closed, EngineRequest, Frame, Opened, Progress
from router.attempts import Attempts
from router.confidence.judge import Evidence


class Dropped(Exception):
    """An answer was dropped before a byte was sent: ask `next_pool`."""

    def __init__(self, next_pool: str) -> None:
        super().__init__(next_pool)
        self.next_pool = next_pool


class Asked(Protocol):
    """The request whose answers are judged, as `deployments.gateway.ticket.GatewayTicket`."""

    @property
    def attempts(self) -> Attempts:
        """Which pools are judged, and the judgements."""

    def engine_request(self, pool: str, judged_tokens: int = 0) -> EngineRequest:
        """What the pool is asked; `judged_tokens` as in EngineRequest."""

    def spent(self, pool: str, usage: Usage, *, late: bool = False) -> None:
        """Account tokens that a pool consumed."""


@asynccontextmanager
async def judged_frames(
    pools: Mapping[str, PoolClient], asked: Asked, pool: str
) -> AsyncIterator[AsyncIterator[Frame]]:
    """The frames of a pool's answer, judged where it has to be; leaving the block cancels what still runs.

    Raises (while iterating, before the first frame):
        Dropped: the answer is not good enough; it has been accounted.
    """
    attempts = asked.attempts
    if not attempts.is_judged(pool):
        async with pools[pool].frames(asked.engine_request(pool)) as frames:
            yield frames
    elif attempts.rule.kind == "agreement":
        yield _agreeing(pools, asked, pool)
    else:
        async with pools[pool].frames(asked.engine_request(pool, attempts.rule.hold_tokens)) as frames:
            yield _confident(asked, pool, frames)


async def _confident(asked: Asked, pool: str, frames: AsyncIterator[Frame]) -> AsyncIterator[Frame]:
    """Judge an answer by its first tokens."""
    kept: list[Frame] = []
    evidence, usage = await _held(frames, asked.attempts.rule.hold_tokens, kept)
    if evidence is not None and (next_pool := asked.attempts.judge(pool, evidence)):
        asked.spent(pool, usage)
        raise Dropped(next_pool)
    for frame in kept:
        yield frame
    async for frame in frames:
        if not isinstance(frame, Progress):
            yield frame


async def _agreeing(pools: Mapping[str, PoolClient], asked: Asked, pool: str) -> AsyncIterator[Frame]:
    """Judge a whole answer by that of another cheap pool."""
    partner = asked.attempts.partner(pool)
    assert partner is not None  # is_judged has looked
    mine, others = await ask_both([(pools[each], asked.engine_request(each)) for each in (pool, partner)])
    agree, reason = agreed((mine, others))
    asked.spent(partner, usage_of(others))
    if next_pool := asked.attempts.compare(pool, partner, agree=agree, reason=reason):
        asked.spent(pool, usage_of(mine))
        raise Dropped(next_pool)
    assert isinstance(mine, list)  # only an answer can agree
    for frame in mine:
        yield frame


async def _held(frames: AsyncIterator[Frame], hold_tokens: int, kept: list[Frame]) -> tuple[Evidence | None, Usage]:
    """Read frames into `kept` until enough tokens were reported on; no evidence where there is nothing to judge.

    The judgement reads the first `hold_tokens` tokens and no more, however the engine groups them.
    """
    logprobs: tuple[float, ...] = ()
    margins: tuple[float, ...] = ()
    usage, ended = Usage(), False
    async for frame in frames:
        if isinstance(frame, Progress):
            logprobs, margins, usage = logprobs + frame.logprobs, margins + frame.margins, frame.usage
        else:
            kept.append(frame)
        if isinstance(frame, Opened) and frame.status != 200:
            return None, usage
        if isinstance(frame, Closed):
            ended, usage = True, frame.usage
        silent = isinstance(frame, Chunk) and frame.token_ids and not logprobs
        if ended or silent or len(logprobs) >= hold_tokens:
            break
    finished = ended and len(logprobs) < hold_tokens
    return Evidence(logprobs[:hold_tokens], margins[:hold_tokens], finished), usage
