"""The simulated engine keeps its books."""

from __future__ import annotations

import asyncio

from cluster.spec import FleetSpec
from deployments.engines.base import make_engine
from deployments.wire.frames import Chunk, Closed, EngineRequest, Opened

SPEC = FleetSpec.model_validate({"pools": {"small": {"tier": "small", "model": "a", "engine": {"kind": "simulated"}}}})


def test_the_simulated_engine_frees_its_slot_when_closed_early():
    async def run():
        engine = make_engine(SPEC, "small")
        await engine.start()
        frames = engine.generate(EngineRequest("chat", {"stream": True, "max_tokens": 50}, "r"))
        assert isinstance(await anext(frames), Opened)
        assert isinstance(await anext(frames), Chunk)
        assert engine.stats().running == 1
        await frames.aclose()
        assert (engine.stats().running, engine.stats().kv_usage_ratio) == (0, 0)
        whole = [f async for f in engine.generate(EngineRequest("chat", {"max_tokens": 3}, "r"))]
        assert isinstance(whole[-1], Closed)
        assert whole[-1].usage.completion_tokens == 3

    asyncio.run(run())
