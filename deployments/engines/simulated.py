"""A simulated engine for load tests: batch slots, KV cache and token timing, but no model."""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import AsyncIterator, Mapping
from typing import Any

from cluster.spec import FleetSpec
from cluster.state import RankState
from cluster.usage import Usage
from deployments.engines.base import EngineStats
from deployments.wire.frames import Chunk, Closed, EngineRequest, Frame, Opened
from deployments.wire.start_phases import Phase

CHARS_PER_TOKEN = 4


class SimulatedEngine:
    """Answers "word word ..." at the spec's prefill and decode rates; see `deployments.engines.base.Engine`."""

    def __init__(self, spec: FleetSpec, pool_name: str) -> None:
        options: dict[str, Any] = spec.pools[pool_name].engine.options
        self.name = spec.pools[pool_name].public_name
        self.prefill_tokens_per_s = float(options.get("prefill_tokens_per_s", 10_000))
        self.decode_tokens_per_s = float(options.get("decode_tokens_per_s", 100))
        self.kv_capacity_tokens = int(options.get("kv_capacity_tokens", 65_536))
        self.max_context_tokens = int(options.get("max_model_len", 4_096))
        self.slots = asyncio.Semaphore(int(options.get("max_num_seqs", 32)))
        self.waiting = self.running = self.kv_tokens = self.generated_tokens_total = 0

    async def start(self) -> Mapping[Phase, float]:
        """Nothing to load."""
        return {}

    async def stop(self) -> None:
        """Nothing to stop."""

    async def check_health(self) -> None:
        """Always healthy."""

    def ranks(self) -> tuple[RankState, ...]:
        """This process."""
        return (RankState(0, "", os.getpid()),)

    def stats(self) -> EngineStats:
        """The simulated batch."""
        return EngineStats(
            as_of_s=time.time(),
            waiting=self.waiting,
            running=self.running,
            kv_usage_ratio=min(self.kv_tokens / self.kv_capacity_tokens, 1.0),
            kv_capacity_tokens=self.kv_capacity_tokens,
            generated_tokens_total=self.generated_tokens_total,
            max_context_tokens=self.max_context_tokens,
        )

    async def generate(self, request: EngineRequest) -> AsyncIterator[Frame]:
        """Wait for a slot, prefill, then generate one word per decode step."""
        prompt_tokens = len(json.dumps(request.body)) // CHARS_PER_TOKEN
        total = int(request.body.get("max_completion_tokens") or request.body.get("max_tokens") or 16)
        streams = bool(request.body.get("stream"))
        held = prompt_tokens
        self.waiting += 1
        try:
            await self.slots.acquire()
        finally:
            self.waiting -= 1
        self.running += 1
        self.kv_tokens += held
        try:
            await asyncio.sleep(prompt_tokens / self.prefill_tokens_per_s)
            yield Opened(200, streams=streams)
            for index in range(total):
                await asyncio.sleep(1 / self.decode_tokens_per_s)
                held += 1
                self.kv_tokens += 1
                self.generated_tokens_total += 1
                if streams:
                    yield Chunk(self._event(request, {"content": "word "}, None), (index,))
            usage = Usage(prompt_tokens, total)
            if streams:
                yield Chunk(self._event(request, {}, "length") + b"data: [DONE]\n\n")
            else:
                yield Chunk(self._body(request, total, usage), tuple(range(total)))
            yield Closed(usage, "length")
        finally:
            self.running -= 1
            self.kv_tokens -= held
            self.slots.release()

    def _event(self, request: EngineRequest, delta: dict[str, str], reason: str | None) -> bytes:
        choice: dict[str, Any] = {"index": 0, "finish_reason": reason}
        choice |= {"delta": delta} if request.kind == "chat" else {"text": delta.get("content", "")}
        kind = "chat.completion.chunk" if request.kind == "chat" else "text_completion"
        event = {"id": request.request_id, "object": kind, "model": self.name, "choices": [choice]}
        return f"data: {json.dumps(event)}\n\n".encode()

    def _body(self, request: EngineRequest, total: int, usage: Usage) -> bytes:
        text = "word " * total
        choice: dict[str, Any] = {"index": 0, "finish_reason": "length"}
        choice |= {"message": {"role": "assistant", "content": text}} if request.kind == "chat" else {"text": text}
        kind = "chat.completion" if request.kind == "chat" else "text_completion"
        body = {"id": request.request_id, "object": kind, "model": self.name, "choices": [choice]}
        return json.dumps(body | {"usage": usage.as_openai()}).encode()
