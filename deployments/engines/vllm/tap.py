"""Taps on vLLM: every output before it becomes text, and the scheduler's last numbers."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncGenerator, AsyncIterator
from contextvars import ContextVar
from dataclasses import dataclass, field
from typing import Any

from vllm import SamplingParams
from vllm.outputs import RequestOutput
from vllm.sampling_params import RequestOutputKind
from vllm.v1.engine.async_llm import AsyncLLM
from vllm.v1.engine.exceptions import EngineDeadError
from vllm.v1.metrics.loggers import StatLoggerBase

from cluster.usage import Usage
from deployments.engines.base import EngineStats
from deployments.engines.likelihood import LOGPROBS, margin
from deployments.wire.frames import Chunk, Progress


@dataclass
class Tap:
    """The engine's outputs for one HTTP request, before they become text."""

    judged_tokens: int = 0
    """See EngineRequest. A judged request has one sequence."""
    prompt_tokens: dict[str, int] = field(default_factory=dict)
    completion_tokens: int = 0
    cached_tokens: int = 0
    reason: str | None = None
    dead: bool = False
    pending_ids: list[int] = field(default_factory=list)
    pending_logprobs: list[float] = field(default_factory=list)
    progress: asyncio.Queue[Progress | None] = field(default_factory=asyncio.Queue)

    def record(self, output: RequestOutput, is_cumulative: bool = False) -> None:
        """Add one engine output. Its tokens are deltas, or all tokens at the end of a unary request.

        A judged unary request repeats all tokens in each output, so only the new ones are recorded.
        """
        self.prompt_tokens[output.request_id] = len(output.prompt_token_ids or ())
        self.cached_tokens = output.num_cached_tokens or 0
        for completion in output.outputs:
            known = self.completion_tokens if is_cumulative else 0
            ids = list(completion.token_ids[known:])
            # Each step is {token id: Logprob}; only the sampled token's value is forwarded.
            steps = [step for step in (completion.logprobs or ())[known:] if step is not None]
            logprobs = [step[token_id].logprob for step, token_id in zip(steps, ids, strict=False)]
            to_judge = max(self.judged_tokens - self.completion_tokens, 0)
            self.completion_tokens += len(ids)
            self.pending_ids += ids
            self.pending_logprobs += logprobs
            self.reason = completion.finish_reason or self.reason
            if logprobs[:to_judge]:
                margins = [_margin(step, token_id) for step, token_id in zip(steps[:to_judge], ids, strict=False)]
                self.progress.put_nowait(Progress(self.usage(), tuple(logprobs[:to_judge]), tuple(margins)))

    def new_progress(self) -> list[Progress]:
        """Progress recorded since the last call."""
        return [each for _ in range(self.progress.qsize()) if (each := self.progress.get_nowait()) is not None]

    async def progress_until(self, done: asyncio.Future[Any]) -> AsyncIterator[Progress]:
        """Progress that is recorded until another future is done."""
        done.add_done_callback(lambda _: self.progress.put_nowait(None))
        while (progress := await self.progress.get()) is not None:
            yield progress

    def chunk(self, data: bytes) -> Chunk:
        """The bytes, with the tokens since the last chunk."""
        chunk = Chunk(data, tuple(self.pending_ids), tuple(self.pending_logprobs))
        self.pending_ids, self.pending_logprobs = [], []
        return chunk

    def usage(self) -> Usage:
        """Token counts so far."""
        return Usage(sum(self.prompt_tokens.values()), self.completion_tokens, self.cached_tokens)


CURRENT_TAP: ContextVar[Tap | None] = ContextVar("signalbox_tap", default=None)


class TappedLLM(AsyncLLM):
    """An AsyncLLM that records every output in the request's tap before it reaches the serving layer."""

    generated_tokens_total = 0
    ongoing = 0

    async def generate(
        self, prompt: Any, sampling_params: SamplingParams, *args: Any, **kwargs: Any
    ) -> AsyncGenerator[RequestOutput, None]:
        """See AsyncLLM.generate."""
        tap = CURRENT_TAP.get()
        if tap is not None and tap.judged_tokens:
            sampling_params = judged_params(sampling_params, self.model_config.max_logprobs)
        is_cumulative = sampling_params.output_kind == RequestOutputKind.CUMULATIVE
        known = 0
        self.ongoing += 1
        try:
            async for output in super().generate(prompt, sampling_params, *args, **kwargs):
                if tap is not None:
                    tap.record(output, is_cumulative)
                tokens = sum(len(each.token_ids) for each in output.outputs)
                self.generated_tokens_total += tokens - known
                known = tokens if is_cumulative else 0
                yield output
        except EngineDeadError:
            if tap is not None:
                tap.dead = True
            raise
        finally:
            self.ongoing -= 1


def judged_params(params: SamplingParams, max_logprobs: int) -> SamplingParams:
    """Parameters with which the tap receives log-probabilities, and partial outputs of a unary answer.

    The serving layer writes only what the request asked for and builds a unary answer from the last output, so the
    client's bytes stay the same. Log-probabilities that the request sets are unchanged: a longer list would be visible.
    """
    watched = params.clone()
    if watched.logprobs is None and (max_logprobs == -1 or max_logprobs >= LOGPROBS):
        watched.logprobs = LOGPROBS
    if watched.output_kind == RequestOutputKind.FINAL_ONLY:
        watched.output_kind = RequestOutputKind.CUMULATIVE
    return watched


def _margin(step: Any, token_id: int) -> float:
    """The margin of a token in one step's {token id: Logprob}."""
    return margin(step[token_id].logprob, (entry.logprob for other, entry in step.items() if other != token_id))


class LatestStats(StatLoggerBase):
    """Keeps the scheduler's last numbers. vLLM calls it at every engine step."""

    def __init__(self, vllm_config: Any, engine_index: int = 0) -> None:
        self.stats = EngineStats(as_of_s=0.0)

    def record(
        self,
        scheduler_stats: Any,
        iteration_stats: Any,
        mm_cache_stats: Any = None,
        engine_idx: int = 0,
    ) -> None:
        """Record one engine step. Either argument may be None."""
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
        """Nothing to log."""
