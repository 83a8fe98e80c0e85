"""A replica's engine with continuous batching, simulated from event to event.

In most steps, every sequence of the batch gets a token and nothing else happens. The simulation therefore takes all
steps between two events at once. Their times form an arithmetic series, because each step adds one token per sequence
to the cache. An event is the end of a step with prompts, the end of an answer, a full cache, or the end of the first
step after an arrival.

The model follows vLLM's scheduler: a step serves the running sequences first and gives its remaining tokens to prompts
in the order of arrival. If the cache is full, the newest sequence is preempted and computed again later.
"""

from __future__ import annotations

import math
from collections import deque
from heapq import heappop, heappush

from cluster.state import ReplicaState
from simulation.job import Job
from simulation.prefix_cache import PrefixCache
from simulation.timing import EngineShape

EPOCH_S = 1e9
"""Unix time of the simulation's 0. The value is arbitrary, but lead-in reports must be after 1970."""
NEVER = math.inf


class Replica:
    """One replica that serves. Times are seconds of the simulation."""

    def __init__(self, pool: str, replica_id: str, shape: EngineShape, first_token_timeout_s: float = NEVER) -> None:
        self.pool = pool
        self.replica_id = replica_id
        self.shape = shape
        self.ends_s = NEVER
        """Time when the current event ends and `end_step` is due; NEVER while the replica is idle."""
        self.left: list[Job] = []
        """Requests that finished or timed out since the caller last cleared the list."""
        self.draining = False
        self.start_s = 0.0
        self.preemptions = 0
        self._timeout_s = first_token_timeout_s
        self._slack = shape.block_tokens / 2
        self._waiting: deque[Job] = deque()
        self._computing: deque[Job] = deque()
        self._decoding: dict[Job, None] = {}
        self._due: list[tuple[int, int, Job]] = []
        self._chunks: list[tuple[Job, int]] = []
        self._budget = 0
        self._prefixes = PrefixCache(shape.kv_tokens)
        self._kv = 0
        self._steps = 0
        self._generated = 0
        self._start_of_event_s = 0.0
        self._planned = 0
        self._first_step_s = self._growth_s = 0.0

    @property
    def ongoing(self) -> int:
        """Number of waiting and running requests."""
        return len(self._waiting) + len(self._computing) + len(self._decoding)

    # -- events ------------------------------------------------------------------------------------------------

    def submit(self, job: Job, now_s: float) -> None:
        """Accept a request. It enters the batch after the running step, if there is room."""
        job.to_compute = job.prompt_tokens
        was_empty = not self._waiting
        self._waiting.append(job)
        if self.ends_s == NEVER:
            self._plan(now_s)
        elif was_empty and not self._chunks and self._has_room(job):
            self._planned = self._steps_until(now_s)
            self.ends_s = self._start_of_event_s + self._time_of(self._planned)

    def end_step(self, now_s: float) -> None:
        """Apply the planned steps that end now, and plan the next event."""
        steps, sequences = self._planned, len(self._decoding)
        self._steps += steps
        self._kv += steps * sequences
        self._generated += steps * sequences
        for job, tokens in self._chunks:
            self._computed(job, tokens, now_s)
        while self._next_due() == self._steps:
            job = heappop(self._due)[2]
            job.emitted = job.answer_tokens
            del self._decoding[job]
            self._kv -= self._held(job)
            self.left.append(job)
        self._plan(now_s)

    def _computed(self, job: Job, tokens: int, now_s: float) -> None:
        """Record a computed part of a prompt. The last part also generates the next token."""
        job.computed += tokens
        if job.computed < job.to_compute:
            return
        self._computing.popleft()
        self._prefixes.keep(job.hashes)
        self._generated += 1
        job.emitted += 1
        job.joined = self._steps
        if job.first_s == NEVER:
            job.first_s = now_s
        if job.emitted == job.answer_tokens:
            self._kv -= job.to_compute
            self.left.append(job)
        else:
            self._decoding[job] = None
            heappush(self._due, (_due(job), job.index, job))

    # -- planning ----------------------------------------------------------------------------------------------

    def _plan(self, now_s: float) -> None:
        """Determine the next event and its end."""
        times = self.shape.times
        self._start_of_event_s = now_s
        preempted = self._preempt()
        pairs = self._next_chunks()
        if not preempted:  # otherwise the preempted sequence would return immediately
            pairs += self._admit(now_s)
        sequences = len(self._decoding)
        if self._chunks:
            prompt_tokens = sum(tokens for _, tokens in self._chunks)
            self._planned = 1
            self._first_step_s = times.prefill_s(sequences, self._kv, prompt_tokens, pairs)
        elif sequences:
            room = int((self.shape.kv_tokens - self._used()) // sequences)
            self._planned = max(1, min(self._next_due() - self._steps, room))
            self._first_step_s = times.decode_s(sequences, self._kv)
            self._growth_s = times.per_kv_token_s * sequences
        else:
            self.ends_s = NEVER
            return
        self.ends_s = now_s + self._time_of(self._planned)

    def _preempt(self) -> bool:
        """Preempt the newest sequences until the others have room for their next token. Return whether one was."""
        preempted = False
        while self._used() + len(self._decoding) > self.shape.kv_tokens and self._decoding and self._running() > 1:
            job, _ = self._decoding.popitem()
            self._kv -= self._held(job)
            job.emitted += self._steps - job.joined
            job.to_compute = job.prompt_tokens + job.emitted
            job.computed = 0
            self._waiting.appendleft(job)
            self.preemptions += 1
            preempted = True
        return preempted

    def _next_chunks(self) -> float:
        """Continue started prompts. Return the number of token pairs that attend to each other."""
        self._chunks = []
        self._budget = self.shape.max_num_batched_tokens - len(self._decoding)
        return sum(self._add_chunk(each, each.to_compute - each.computed) for each in self._computing)

    def _admit(self, now_s: float) -> float:
        """Start prompts with the step's remaining tokens. Return as `_next_chunks`."""
        pairs = 0.0
        while self._waiting and self._budget > 0:
            job = self._waiting[0]
            if job.first_s == NEVER and now_s - job.arrival_s > self._timeout_s:
                self.left.append(self._waiting.popleft())
                continue
            left = job.to_compute - min(self._prefixes.hit_tokens(job.hashes), job.to_compute - 1)
            if not self._has_room(job) or (left > self._budget and self._chunks and not self.shape.chunked):
                break
            self._computing.append(self._waiting.popleft())
            self._kv += job.to_compute
            job.computed = job.to_compute - left
            pairs += self._add_chunk(job, left)
        return pairs

    def _add_chunk(self, job: Job, left: int) -> float:
        """Add as much of a prompt as the step's remaining tokens allow. Return as `_next_chunks`."""
        tokens = min(left, self._budget) if self.shape.chunked else left
        if tokens <= 0:
            return 0.0
        self._budget -= tokens
        self._chunks.append((job, tokens))
        return tokens * (job.computed + tokens / 2)

    # -- arithmetic --------------------------------------------------------------------------------------------

    def _running(self) -> int:
        return len(self._decoding) + len(self._computing)

    def _used(self) -> float:
        """Used tokens of the KV cache. The last block of a sequence is half empty on average."""
        return self._kv + self._slack * self._running()

    def _held(self, job: Job) -> int:
        """Cached tokens of a decoding sequence."""
        return job.to_compute + self._steps - job.joined

    def _has_room(self, job: Job) -> bool:
        running = self._running()
        if not running:
            return True
        return running < self.shape.max_num_seqs and self._used() + job.to_compute + self._slack <= self.shape.kv_tokens

    def _next_due(self) -> int:
        """The step count at which the next answer is complete; -1 if nothing decodes."""
        while self._due:
            step, _, job = self._due[0]
            if job in self._decoding and step == _due(job):
                return step
            heappop(self._due)  # it was preempted in the meantime
        return -1

    def _time_of(self, steps: int) -> float:
        """Total seconds of a number of steps: an arithmetic series."""
        if self._chunks:
            return self._first_step_s
        return steps * self._first_step_s + self._growth_s * steps * (steps - 1) / 2

    def _steps_until(self, now_s: float) -> int:
        """Steps until the one that runs at `now_s` ends; at least 1, at most the planned steps."""
        steps = math.ceil(self._steps_in(now_s - self._start_of_event_s))
        return min(max(steps, 1), self._planned)

    def _steps_in(self, seconds: float) -> float:
        """The inverse of `_time_of`."""
        linear, square = self._first_step_s - self._growth_s / 2, self._growth_s / 2
        if square * seconds < 1e-9 * linear * linear:
            return seconds / linear
        return (math.sqrt(linear * linear + 4 * square * seconds) - linear) / (2 * square)

    # -- reports -----------------------------------------------------------------------------------------------

    def state(self, now_s: float) -> ReplicaState:
        """The replica's report."""
        sequences = len(self._decoding)
        is_decoding = sequences and not self._chunks
        new = sequences * min(int(self._steps_in(now_s - self._start_of_event_s)), self._planned) if is_decoding else 0
        return ReplicaState(
            pool=self.pool,
            replica_id=self.replica_id,
            node_id="",
            as_of_s=EPOCH_S + now_s,
            waiting=len(self._waiting),
            running=self._running(),
            kv_usage_ratio=min(1.0, (self._used() + new) / self.shape.kv_tokens),
            kv_capacity_tokens=self.shape.kv_tokens,
            preemptions_total=self.preemptions,
            generated_tokens_total=self._generated + new,
            max_context_tokens=self.shape.max_context_tokens,
            start_s=self.start_s,
        )


def _due(job: Job) -> int:
    """The replica's step count at which a decoding sequence has its whole answer."""
    return job.joined + job.answer_tokens - job.emitted
