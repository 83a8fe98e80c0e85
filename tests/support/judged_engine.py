"""`python judged_engine.py`: one vLLM engine answers with and without judging; prints what both gave as JSON."""

from __future__ import annotations

import asyncio
import json
from pathlib import Path
from typing import Any

import offline_vllm  # noqa: F401

from cluster.spec import FleetSpec
from deployments.engines.vllm.engine import VllmEngine
from deployments.wire.frames import Chunk, Closed, EngineRequest, Opened, Progress

MODEL = Path(__file__).parent.parent.parent / "demo" / "models" / "small"
OPTIONS = {"dtype": "float32", "enforce_eager": True, "max_model_len": 1024, "block_size": 32,
           "kv_cache_memory_bytes": 33554432, "max_num_seqs": 8, "stream_interval": 4}  # fmt: skip
QUESTION = "Sort these numbers: 74, 77, 86, 93, 48, 81, 78, 95"
CHAT = {"messages": [{"role": "user", "content": QUESTION}], "temperature": 0, "max_tokens": 40}
PROMPT = {"prompt": QUESTION, "temperature": 0, "max_tokens": 40}
CASES: dict[str, tuple[str, dict[str, Any]]] = {
    "whole": ("chat", CHAT),
    "stream": ("chat", CHAT | {"stream": True, "stream_options": {"include_usage": True}}),
    "whole with logprobs": ("chat", CHAT | {"logprobs": True, "top_logprobs": 1}),
    "stream with logprobs": ("chat", CHAT | {"stream": True, "logprobs": True}),
    "completion": ("completion", PROMPT),
    "completion with logprobs": ("completion", PROMPT | {"logprobs": 0}),
    "completion stream": ("completion", PROMPT | {"stream": True, "logprobs": 3}),
    "stop string": ("chat", CHAT | {"stop": [", 7"]}),
    "json": ("chat", CHAT | {"response_format": {"type": "json_object"}}),
    "refused": ("chat", CHAT | {"messages": [{"role": "user", "content": "many words " * 2000}]}),
}


async def answer(engine: VllmEngine, kind: Any, body: dict[str, Any], judged_tokens: int) -> dict[str, Any]:
    """What one request's frames say."""
    request = EngineRequest(kind, {**body, "model": "small"}, "same-id", judged_tokens=judged_tokens)
    frames = [frame async for frame in engine.generate(request)]
    progress = [frame for frame in frames if isinstance(frame, Progress)]
    opened = next(place for place, frame in enumerate(frames) if isinstance(frame, Opened))
    return {
        "bytes": b"".join(frame.data for frame in frames if isinstance(frame, Chunk)).decode(),
        "status": frames[opened].status,
        "before_opening": sum(len(each.logprobs) for each in frames[:opened] if isinstance(each, Progress)),
        "logprobs": [value for each in progress for value in each.logprobs],
        "margins": [value for each in progress for value in each.margins],
        "counts": [each.usage.completion_tokens for each in progress],
        "usage": [frame.usage.as_openai() for frame in frames if isinstance(frame, Closed)],
    }


async def cancelled(engine: VllmEngine) -> dict[str, Any]:
    """A whole answer is left after its first progress: what the engine's cache holds then and soon after."""
    body = {**CHAT, "model": "small", "max_tokens": 900, "ignore_eos": True}
    frames = engine.generate(EngineRequest("chat", body, "left", judged_tokens=8))
    first = await anext(frames)
    busy = engine.engine.ongoing if engine.engine else 0
    await frames.aclose()  # type: ignore[attr-defined]
    while engine.engine and engine.engine.ongoing:
        await asyncio.sleep(0.01)
    await answer(engine, "chat", CHAT, 0)  # a step that shows what is left
    stats = engine.stats()
    return {"first": type(first).__name__, "busy": busy, "kv_after": stats.kv_usage_ratio,
            "generated": stats.generated_tokens_total}  # fmt: skip


async def main() -> None:
    engine_spec = {"kind": "vllm", "options": OPTIONS}
    pool = {"tier": "small", "model": str(MODEL), "served_name": "small", "engine": engine_spec}
    engine = VllmEngine(FleetSpec.model_validate({"pools": {"small": pool}}), "small")
    await engine.start()
    result: dict[str, Any] = {"cancelled": await cancelled(engine)}
    for name, (kind, body) in CASES.items():
        result[name] = [await answer(engine, kind, body, judged) for judged in (0, 24)]
    await engine.stop()
    print("RESULTS " + json.dumps(result))


if __name__ == "__main__":
    asyncio.run(main())
