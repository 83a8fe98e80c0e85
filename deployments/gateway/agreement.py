"""Asking two cheap pools for whole answers at a time, and comparing what they end with."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence

from cluster.usage import Usage
from deployments.gateway.pool_client import PoolBusy, PoolClient, PoolFailed
from deployments.wire.answers import answer_text
from deployments.wire.frames import Closed, EngineRequest, Frame, Opened, Progress
from router.confidence.final_answer import final_answer

Answered = list[Frame] | PoolFailed | PoolBusy
"""All frames of an answer, or why there is none."""


async def ask_both(pools: Sequence[tuple[PoolClient, EngineRequest]]) -> list[Answered]:
    """Whole answers of pools that are asked at the same time. Being cancelled cancels all of them."""
    return list(await asyncio.gather(*(_whole(pool, request) for pool, request in pools)))


async def _whole(pool: PoolClient, request: EngineRequest) -> Answered:
    try:
        async with pool.frames(request) as frames:
            return [frame async for frame in frames if not isinstance(frame, Progress)]
    except (PoolFailed, PoolBusy) as error:
        return error


def agreed(answers: Sequence[Answered]) -> tuple[bool, str]:
    """Whether the first answer is believed, with the reason.

    Answers without a final answer cannot be compared: then the first one stands. An error that the request itself
    caused (4xx) would be every pool's, and is believed as well.
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


def usage_of(answer: Answered) -> Usage:
    """What an answer has consumed; nothing is known of one that failed."""
    closed = next((frame for frame in answer if isinstance(frame, Closed)), None) if isinstance(answer, list) else None
    return closed.usage if closed else Usage()


def _status(frames: Sequence[Frame]) -> int:
    return next((frame.status for frame in frames if isinstance(frame, Opened)), 0)


def _shown(end: str | None) -> str:
    return "none" if end is None else f"'{end[:40]}'"
