"""The simulated engine: slots, counts, streams, and what a cancelled request leaves behind."""

from __future__ import annotations

import asyncio
import json

import pytest

from cluster.spec import FleetSpec
from deployments.engines.base import make_engine
from deployments.wire.frames import Chunk, Closed, EngineRequest, Opened


def engine(**options):
    options = {"decode_tokens_per_s": 1_000, "prefill_tokens_per_s": 1e6} | options
    pool = {"tier": "small", "model": "org/small", "engine": {"kind": "simulated", "options": options}}
    return make_engine(FleetSpec.model_validate({"pools": {"p": pool}}), "p")


async def frames(made, kind="chat", **body):
    return [frame async for frame in made.generate(EngineRequest(kind, {"max_tokens": 3, **body}, "one"))]


@pytest.mark.parametrize("kind", ["chat", "completion"])
def test_a_whole_answer(kind):
    opened, chunk, closed = asyncio.run(frames(engine(), kind))
    assert opened == Opened(200)
    choice = json.loads(chunk.data)["choices"][0]
    assert (choice["message"]["content"] if kind == "chat" else choice["text"]) == "word word word "
    assert isinstance(closed, Closed)
    assert (closed.usage.completion_tokens, closed.reason) == (3, "length")


def test_a_stream_ends_with_the_sign_that_it_is_over():
    opened, *chunks, closed = asyncio.run(frames(engine(), stream=True))
    assert opened.streams
    assert [chunk.token_ids for chunk in chunks] == [(0,), (1,), (2,), ()]
    assert chunks[-1].data.endswith(b"data: [DONE]\n\n")
    assert closed.usage.completion_tokens == 3


def test_requests_beyond_the_slots_wait():
    made = engine(max_num_seqs=1, decode_tokens_per_s=100)

    async def run():
        tasks = [asyncio.create_task(frames(made)) for _ in range(3)]
        await asyncio.sleep(0.01)
        seen = made.stats()
        await asyncio.gather(*tasks)
        return seen

    seen = asyncio.run(run())
    assert (seen.running, seen.waiting) == (1, 2)
    assert seen.kv_usage_ratio > 0
    after = made.stats()
    assert (after.running, after.waiting, after.kv_usage_ratio, after.generated_tokens_total) == (0, 0, 0.0, 9)


def test_a_cancelled_request_frees_its_slot_and_its_cache():
    made = engine(max_num_seqs=1)

    async def run():
        stream = made.generate(EngineRequest("chat", {"max_tokens": 100, "stream": True}, "one"))
        async for frame in stream:
            if isinstance(frame, Chunk):
                assert made.stats().running == 1
                break
        await stream.aclose()
        return await frames(made)

    assert len(asyncio.run(run())) == 3
    assert (made.running, made.kv_tokens) == (0, 0)
