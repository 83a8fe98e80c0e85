"""The engine behind `transformers` and `deepspeed`: batches rows on a thread of rank 0 and implements OpenAI's API.

For a request, `generate` reads the body and queues one sequence per choice. The thread plans a step and all ranks
execute it. Rank 0 samples and posts the tokens to the event loop, where they become text.
"""

from __future__ import annotations

import asyncio
import itertools
import logging
import random
import threading
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, replace
from queue import Empty, SimpleQueue
from typing import Any

from cluster.batches import max_num_seqs
from cluster.facts import UnknownModel, facts_of
from cluster.memory import pool_memory
from cluster.spec import FleetSpec
from cluster.state import RankState
from cluster.usage import Usage
from deployments.engines.base import EngineStats, warm_up
from deployments.engines.batch.batching import Batcher, Sequence
from deployments.engines.batch.executor import Executor, LoadedModel
from deployments.engines.batch.openai_answer import Choice, TokenOut, Writer
from deployments.engines.batch.openai_body import GenerationParameters, RejectedBody, read_body
from deployments.engines.batch.openai_prompts import PromptReader
from deployments.engines.likelihood import LOGPROBS, margin
from deployments.wire.errors import EngineDead, error_body
from deployments.wire.frames import Chunk, Closed, EngineRequest, Frame, Opened, Progress
from deployments.wire.start_phases import Phase, StartClock

MAX_PREFILL_TOKENS = 4096
KV_BUDGET_TOKENS = 32_768
"""KV cache budget for models of unknown size."""
HEARTBEAT_S = 1.0
"""Seconds between empty steps of an idle thread, which detect dead ranks."""

log = logging.getLogger("signalbox.engine")


@dataclass(frozen=True)
class _Cancel:
    row: int


class _Answer:
    """Passes tokens from the batch thread to one request."""

    def __init__(self) -> None:
        self.loop = asyncio.get_running_loop()
        self.queue: asyncio.Queue[TokenOut | EngineDead] = asyncio.Queue()

    def post(self, out: TokenOut | EngineDead) -> None:
        """Post a token or the engine's death; called from the batch thread."""
        self.loop.call_soon_threadsafe(self.queue.put_nowait, out)


class BatchEngine:
    """See `deployments.engines.base.Engine`."""

    def __init__(self, spec: FleetSpec, pool_name: str, executor: Executor) -> None:
        self.pool = spec.pools[pool_name]
        options = self.pool.engine.options
        self.executor = executor
        self.stream_interval = int(options.get("stream_interval", 1))
        self.kv_budget_tokens = int(options.get("kv_budget_tokens") or _kv_budget(spec, pool_name))
        prefill = int(options.get("max_num_batched_tokens", MAX_PREFILL_TOKENS))
        rows = max_num_seqs(self.pool, spec.hardware_of(pool_name)) * self.pool.parallel.data
        self.batcher = Batcher(rows, self.kv_budget_tokens, prefill)
        self.model: LoadedModel
        self.prompts: PromptReader
        self.max_context_tokens = 0
        self.inbox: SimpleQueue[Sequence | _Cancel] = SimpleQueue()
        self.answers: dict[int, tuple[_Answer, int]] = {}
        """The request and the index of its choice, by row."""
        self.rows = itertools.count()
        self.failure: str | None = None
        self.stopping = False
        self.submitted = self.taken = self.generated_tokens_total = 0
        self.reading = EngineStats(as_of_s=0.0)
        self.thread = threading.Thread(target=self._run, name="batches", daemon=True)

    # -- life ------------------------------------------------------------------------------------------------

    async def start(self) -> Mapping[Phase, float]:
        """Load the model on every rank and answer a warm-up request."""
        clock = StartClock()
        with clock.phase("load"):
            self.model = await asyncio.to_thread(self.executor.load)
        if not getattr(self.model.tokenizer, "is_fast", False):
            raise RuntimeError(f"{self.pool.model} has no tokenizer.json, which this engine needs, use kind vllm")
        self.max_context_tokens = min(self.model.max_context_tokens, self.kv_budget_tokens)
        self.prompts = PromptReader(self.model.tokenizer, self.max_context_tokens)
        self.thread.start()
        with clock.phase("warm_up"):
            await warm_up(self, self.pool.public_name)
        return clock.seconds

    async def stop(self) -> None:
        """Stop the thread and the other ranks."""
        self.stopping = True
        if self.thread.is_alive():
            await asyncio.to_thread(self.thread.join, 10.0)
        await asyncio.to_thread(self.executor.stop)

    async def check_health(self) -> None:
        """Fail if the thread failed: it steps all ranks at least once a second and detects a dead one."""
        if self.failure is not None:
            raise EngineDead(self.failure)

    def ranks(self) -> tuple[RankState, ...]:
        """The executor's ranks."""
        return self.executor.ranks()

    def stats(self) -> EngineStats:
        """The batch thread's last report, plus rows that it has not received yet."""
        return replace(self.reading, waiting=self.reading.waiting + self.submitted - self.taken)

    def _read(self) -> EngineStats:
        """The batch's current state. KV cache usage is cached tokens divided by the token budget."""
        return EngineStats(
            as_of_s=time.time(),
            waiting=len(self.batcher.waiting),
            running=self.batcher.running,
            kv_usage_ratio=min(self.batcher.cached_tokens / self.kv_budget_tokens, 1.0),
            kv_capacity_tokens=self.kv_budget_tokens,
            preemptions_total=self.batcher.preemptions_total,
            generated_tokens_total=self.generated_tokens_total,
            max_context_tokens=self.max_context_tokens,
        )

    # -- the batch thread ------------------------------------------------------------------------------------

    def _run(self) -> None:
        try:
            while not self.stopping:
                self._take_inbox()
                plan = self.batcher.plan()
                sequences = [self.batcher.buckets[plan.bucket][row] for row in plan.rows]
                picked = self.executor.step(plan, sequences)
                reasons = [self.batcher.accept(row, each.token_id) for row, each in zip(plan.rows, picked, strict=True)]
                self.generated_tokens_total += len(picked)
                self.reading = self._read()  # before clients get their tokens and may read it
                for row, each, reason in zip(plan.rows, picked, reasons, strict=True):
                    self._post(row, each, reason)
        except Exception as error:
            log.exception("a step failed")
            self.failure = f"a rank failed: {type(error).__name__}: {str(error)[:500]}"
            for answer, _ in list(self.answers.values()):
                answer.post(EngineDead(self.failure))

    def _take_inbox(self) -> None:
        """Process new rows and cancellations. An idle thread waits for them for at most one heartbeat."""
        timeout = HEARTBEAT_S if self.batcher.idle else 0.0
        try:
            while True:
                message = self.inbox.get(timeout=timeout) if timeout else self.inbox.get_nowait()
                timeout = 0.0
                if isinstance(message, _Cancel):
                    self.batcher.remove(message.row)
                else:
                    self.batcher.add(message)
                    self.taken += 1
        except Empty:
            pass

    def _post(self, row: int, picked: Any, reason: str | None) -> None:
        answer, choice = self.answers.get(row, (None, 0))
        if answer is not None:
            answer.post(TokenOut(choice, picked.token_id, picked.logprob, picked.top, reason))

    # -- serving ---------------------------------------------------------------------------------------------

    async def generate(self, request: EngineRequest) -> AsyncIterator[Frame]:
        """Answer a request."""
        try:
            if request.kind in ("tokenize", "detokenize"):
                status, body = 200, self.prompts.counted(request.kind, request.body)
            else:
                parameters = read_body(request.kind, request.body, self.model.sampling_defaults)
                self.prompts.check_ids("logit_bias", parameters.logit_bias)
                self.prompts.check_ids("stop_token_ids", parameters.stop_token_ids)
                prompts = self.prompts.read(request.kind, request.body, parameters)
                async for frame in self._answer(request, parameters, prompts):
                    yield frame
                return
        except RejectedBody as error:
            status, body = 400, error_body(400, str(error), param=error.param)
        yield Opened(status)
        yield Chunk(body)
        yield Closed()

    async def _answer(
        self, request: EngineRequest, parameters: GenerationParameters, prompts: list[tuple[int, ...]]
    ) -> AsyncIterator[Frame]:
        backend = self.model.tokenizer.backend_tokenizer
        each = [prompt for prompt in prompts for _ in range(parameters.n)]
        choices = [Choice(index, backend, parameters, prompt) for index, prompt in enumerate(each)]
        writer = Writer(request.kind, request.request_id, self.pool.public_name, backend, parameters)
        answer = _Answer()
        sampled = _with_logprobs(parameters) if request.judged_tokens else parameters
        rows = [self._submit(answer, choice, sampled, request.priority) for choice in choices]
        try:
            if parameters.stream:
                yield Opened(200, streams=True)
                if opening := writer.opening_events(choices):
                    yield Chunk(opening)
            tokens: list[TokenOut] = []
            while not all(choice.reason for choice in choices):
                out = await answer.queue.get()
                if isinstance(out, EngineDead):
                    raise out
                choice = choices[out.choice]
                choice.take(out)
                tokens.append(out)
                if choice.completion_tokens <= request.judged_tokens:
                    yield _progress(choice, out)
                if choice.reason and not out.reason:
                    self.inbox.put(_Cancel(rows[choice.index]))  # stop strings are detected here, not in the batch
                is_first = choice.completion_tokens == 1
                if parameters.stream and (is_first or choice.reason or len(choice.tokens) >= self.stream_interval):
                    yield _chunk(writer.event(choice), tokens)
                    tokens = []
            usage = Usage(sum(map(len, prompts)), sum(choice.completion_tokens for choice in choices))
            if parameters.stream:
                yield Chunk(writer.closing_events(usage))
            else:
                yield Opened(200)
                yield _chunk(writer.body(choices, usage), tokens)
            yield Closed(usage, choices[0].reason)
        finally:
            for row, choice in zip(rows, choices, strict=True):
                self.answers.pop(row, None)
                if not choice.reason:
                    self.inbox.put(_Cancel(row))

    def _submit(self, answer: _Answer, choice: Choice, parameters: GenerationParameters, priority: int) -> int:
        row, room = next(self.rows), self.max_context_tokens - len(choice.prompt_ids)
        seed = random.getrandbits(63) if parameters.seed is None else (parameters.seed + choice.index) % 2**63
        ends = frozenset(parameters.stop_token_ids) | (frozenset() if parameters.ignore_eos else self.model.eos_ids)
        self.answers[row] = (answer, choice.index)
        self.submitted += 1
        self.inbox.put(
            Sequence(
                row, choice.prompt_ids, min(parameters.max_tokens or room, room), ends, priority,
                self.executor.sampler(parameters, seed),
            )
        )  # fmt: skip
        if self.failure is not None:  # checked last: if the thread fails later, it finds the answer registered
            raise EngineDead(self.failure)
        return row


def _with_logprobs(parameters: GenerationParameters) -> GenerationParameters:
    """The same parameters, with log-probabilities of the chosen token and the best other one."""
    return parameters.model_copy(update={"logprobs": max(parameters.logprobs or 0, LOGPROBS)})


def _progress(choice: Choice, out: TokenOut) -> Progress:
    assert out.logprob is not None  # requested by _with_logprobs
    others = (logprob for token_id, logprob in out.top if token_id != out.token_id)
    usage = Usage(len(choice.prompt_ids), choice.completion_tokens)
    return Progress(usage, (out.logprob,), (margin(out.logprob, others),))


def _chunk(data: bytes, tokens: list[TokenOut]) -> Chunk:
    logprobs = tuple(each.logprob for each in tokens if each.logprob is not None)
    return Chunk(data, tuple(each.token_id for each in tokens), logprobs)


def _kv_budget(spec: FleetSpec, pool_name: str) -> int:
    """KV cache tokens that fit into memory with the weights."""
    pool = spec.pools[pool_name]
    try:
        memory = pool_memory(facts_of(pool.model), pool, spec.hardware_of(pool_name))
    except UnknownModel:
        return KV_BUDGET_TOKENS
    return max(memory.kv_tokens, 1)
