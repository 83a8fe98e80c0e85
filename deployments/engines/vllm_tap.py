"""Taps on vLLM: every output before it becomes text, and the scheduler's newest numbers."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from vllm.outputs import RequestOutput
from vllm.v1.engine.async_llm import AsyncLLM
from vllm.v1.engine.exceptions import EngineDeadError
from vllm.v1.metrics.loggers import StatLoggerBase

from deployments.engines.base import EngineStats
from deployments.frames import Chunk, Usage


@dataclass
class Tap:
    """What the engine put out for one HTTP request, seen before it becomes text."""

    prompt_tokens: dict[str, int] = field(default_factory=dict)
    completion_tokens: int = 0
    cached_tokens: int = 0
    reason: str | None = None
    dead: bool = False
    pending_ids: list[int] = field(default_factory=list)
    pending_logprobs: list[float] = field(default_factory=list)

    def record(self, output: RequestOutput) -> None:
        """Add one engine output (tokens are deltas, or everything at the end of a unary request)."""
        self.prompt_tokens[output.request_id] = len(output.prompt_token_ids or ())
        self.cached_tokens = output.num_cached_tokens or 0
        for completion in output.outputs:
            ids = list(completion.token_ids)
            self.completion_tokens += len(ids)
            self.pending_ids += ids
            # Each step is {token id: Logprob}; only the sampled token's own value travels on.
            for step, token_id in zip(completion.logprobs or (), ids, strict=False):
                if step is not None:
                    self.pending_logprobs.append(step[token_id].logprob)
            self.reason = completion.finish_reason or self.reason

    def chunk(self, data: bytes) -> Chunk:
        """The bytes, with the tokens that came since the last chunk."""
        made = Chunk(data, tuple(self.pending_ids), tuple(self.pending_logprobs))
        self.pending_ids, self.pending_logprobs = [], []
        return made

    def usage(self) -> Usage:
        """Tokens so far."""
        return Usage(sum(self.prompt_tokens.values()), self.completion_tokens, self.cached_tokens)


CURRENT_TAP: ContextVar[Tap | None] = ContextVar("signalbox_tap", default=None)


class TappedLLM(AsyncLLM):
    """AsyncLLM that shows every output to the request's tap on its way to the serving layer."""

    generated_tokens_total = 0
    ongoing = 0

    async def generate(self, *args: Any, **kwargs: Any) -> AsyncGenerator[RequestOutput, None]:
        """As AsyncLLM.generate."""
        tap = CURRENT_TAP.get()
        self.ongoing += 1
        try:
            async for output in super().generate(*args, **kwargs):
                if tap is not None:
                    tap.record(output)
                self.generated_tokens_total += sum(len(o.token_ids) for o in output.outputs)
                yield output
        except EngineDeadError:
            if tap is not None:
                tap.dead = True
            raise
        finally:
            self.ongoing -= 1


class LatestStats(StatLoggerBase):
    """Keeps the scheduler's newest numbers; vLLM calls it whenever the engine steps."""

    def __init__(self, vllm_config: Any, engine_index: int = 0) -> None:
        self.stats = EngineStats(as_of_s=0.0)

    def record(
        self,
        scheduler_stats: Any,
        iteration_stats: Any,
        mm_cache_stats: Any = None,
        engine_idx: int = 0,
    ) -> None:
        """Note one engine step. Either argument may be None."""
        preempted = iteration_stats.num_preempted_reqs if iteration_stats is not None else 0
        if scheduler_stats is not None:
            self.stats = EngineStats(
                as_of_s=time.time(),
                waiting=scheduler_stats.num_waiting_reqs,
                running=scheduler_stats.num_running_reqs,
                kv_usage_ratio=scheduler_stats.kv_cache_usage,
                preemptions_total=self.stats.preemptions_total + preempted,
            )

    def log_engine_initialized(self) -> None:
        """Nothing to say."""
