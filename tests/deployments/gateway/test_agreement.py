"""Two cheap answers compared: when the first is believed, and what both cost."""

from __future__ import annotations

import asyncio
import json

import fake_pools as fakes
import pytest

from cluster.usage import Usage
from deployments.gateway.agreement import agreed, ask_both, usage_of
from deployments.gateway.pool_client import PoolBusy, PoolFailed
from deployments.wire.frames import Chunk, Closed, EngineRequest, Opened

REQUEST = EngineRequest("chat", {}, "r")


def whole(text):
    return fakes.answer(text)


def stream(*parts, key="delta"):
    said = [{"content": part} if key == "delta" else part for part in parts]
    events = [f"data: {json.dumps({'choices': [{key: part}]})}\n\n".encode() for part in said]
    return [Opened(200, streams=True), *map(Chunk, events), Chunk(b"data: [DONE]\n\n"), Closed(Usage(3, 2), "stop")]


REFUSED = [Opened(400), Chunk(b"{}")]


@pytest.mark.parametrize(
    ("first", "second", "believed", "said"),
    [
        (whole("so 12"), whole("12.0"), True, "'12' and '12'"),
        (whole("so 12"), stream("so ", "12"), True, "'12'"),
        (whole("12"), whole("13"), False, "'12' and '13'"),
        (whole("12"), whole("I have no idea what that is."), False, "none"),
        (whole("Paris"), whole("Rome"), False, "'paris' and 'rome'"),
        (whole("It is a very long story."), whole("It is another very long story."), True, "no final answers"),
        (REFUSED, REFUSED, True, "refused"),
        (PoolFailed("died"), whole("12"), False, "failed"),
        (whole("12"), PoolBusy("full"), False, "failed"),
    ],
)
def test_when_the_first_answer_is_believed(first, second, believed, said):
    found, reason = agreed((first, second))
    assert found is believed
    assert said in reason


def test_both_are_asked_and_left_when_the_request_is_cancelled():
    async def forever():
        await asyncio.sleep(60)

    pools = [fakes.FakePool((forever,)), fakes.FakePool((forever,))]

    async def run():
        asking = asyncio.create_task(ask_both([(pool, REQUEST) for pool in pools]))
        await asyncio.sleep(0.01)
        assert [len(pool.requests) for pool in pools] == [1, 1]
        asking.cancel()
        with pytest.raises(asyncio.CancelledError):
            await asking

    asyncio.run(run())
    assert [pool.closed for pool in pools] == [1, 1]


def test_usage_of_answers_that_failed_is_unknown():
    assert usage_of(whole("12")) == fakes.USAGE
    assert usage_of(PoolFailed("died")) == Usage()
