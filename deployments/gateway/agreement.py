"""Ask two cheap pools for whole answers at the same time, and compare their final answers."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from cluster.usage import Usage
from deployments.gateway.pool_client import PoolBusy, PoolClient, PoolFailed
from deployments.wire.answers import answer_text
from deployments.wire.frames import Closed, EngineRequest, Frame, Opened, Progress
from router.confidence.final_answer import final_answer

AnswerOrFailure = list[Frame] | PoolFailed | PoolBusy
"""All frames of an answer, or the reason why there is none."""


async def ask_both(pools: Sequence[tuple[PoolClient, EngineRequest]]) -> list[AnswerOrFailure]:
    """Ask the pools at the same time and return their whole answers. Cancellation cancels all of them."""
    return list(await asyncio.gather(*(_whole(pool, request) for pool, request in pools)))


async def _whole(pool: PoolClient, request: EngineRequest) -> AnswerOrFailure:
    try:
        async with pool.frames(request) as frames:
            return [frame async for frame in frames if not isinstance(frame, Progress)]
    except (PoolFailed, PoolBusy) as error:
        return error


def agreed(answers: Sequence[AnswerOrFailure]) -> tuple[bool, str]:
    """Return whether the first answer is accepted, with the reason.

    The first answer is kept if neither has a final answer to compare. An error that the request itself caused (4xx)
    is accepted as well, because every pool would return it.
    """
    first, second = answers
    if not isinstance(first, list) or not isinstance(second, list):
        return False, "one of two cheap pools failed"
    if _status(first) != 200:
        return True, "refused"
    ends = [final_answer(answer_text(frames)) for frames in (first, second)]
    if ends == [None, None]:
        return True, "no final answers to compare: kept"
    return ends[0] == ends[1], f"final answers {_shown(ends[0])} and {_shown(ends[1])}"


def usage_of(answer: AnswerOrFailure) -> Usage:
    """Return the tokens of an answer; zero for one that failed, whose tokens are unknown."""
    closed = next((frame for frame in answer if isinstance(frame, Closed)), None) if isinstance(answer, list) else None
    return closed.usage if closed else Usage()


def _status(frames: Sequence[Frame]) -> int:
    return next((frame.status for frame in frames if isinstance(frame, Opened)), 0)


def _shown(end: str | None) -> str:
    return "none" if end is None else f"'{end[:40]}'"
