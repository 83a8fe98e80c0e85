"""Two cheap answers compared: their text from bodies and streams, and when the first is believed."""

from __future__ import annotations

import asyncio
import json

import fake_pools as fakes
import pytest

from deployments.gateway.agreement import agreed, answer_text, ask_both, usage_of
from deployments.gateway.pool_client import PoolBusy, PoolFailed
from deployments.wire.frames import Chunk, Closed, EngineRequest, Opened, Usage

REQUEST = EngineRequest("chat", {}, "r")


def whole(text):
    return fakes.answer(text)


def stream(*parts, key="delta"):
    said = [{"content": part} if key == "delta" else part for part in parts]
    events = [f"data: {json.dumps({'choices': [{key: part}]})}\n\n".encode() for part in said]
    return [Opened(200, streams=True), *map(Chunk, events), Chunk(b"data: [DONE]\n\n"), Closed(Usage(3, 2), "stop")]


@pytest.mark.parametrize(
    ("frames", "text"),
    [
        (whole("7 + 5 = 12"), "7 + 5 = 12"),
        (stream("7 + 5", " = 12"), "7 + 5 = 12"),
        (stream("7 + 5", " = 12", key="text"), "7 + 5 = 12"),
        ((Opened(200), Chunk(b'{"choices": [{"text": "12"}]}')), "12"),
        ((Opened(200), Chunk(b'{"choices": [{"message": {"content": null, "tool_calls": []}}]}')), ""),
        ((Opened(200), Chunk(b'{"choices": []}')), ""),
        ((Opened(200), Chunk(b"\xff{")), ""),
        ((Opened(200, streams=True), Chunk(b"data: 1\n\ndata: null\n\n: ping\n\n")), ""),
        ((), ""),
    ],
)
def test_the_text_of_an_answer(frames, text):
    assert answer_text(frames) == text


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
