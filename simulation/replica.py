"""A replica's engine with continuous batching, moved from event to event.

Nothing happens at most steps: every sequence of the batch gets a token. So steps between two events are taken at once;
their times rise by the same amount each, because each adds a token per sequence to the cache, and have a closed sum. An
event is the end of a step with prompts, an answer's end, a full cache, or the first step's end after an arrival.

Modelled on vLLM's scheduler: a step serves the running sequences first and gives the rest of its tokens to prompts, in
the order of arrival; where the cache is full, the newest sequence is thrown out and computed again later.
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
"""Unix time of the simulation's 0. Any will do; reports must not look as if they came from before 1970."""
NEVER = math.inf


class Replica:
    """One replica that serves. Times are seconds of the simulation."""

    def __init__(self, pool: str, replica_id: str, shape: EngineShape, first_token_timeout_s: float = NEVER) -> None:
        self.pool = pool
        self.replica_id = replica_id
        self.shape = shape
        self.ends_s = NEVER
        """When the present event ends and `end_step` is due; NEVER while there is nothing to do."""
        self.left: list[Job] = []
        """Those that left since the caller last looked: with their whole answer, or because they waited too long."""
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
        self._began_s = 0.0
        self._planned = 0
        self._first_step_s = self._growth_s = 0.0

    @property
    def ongoing(self) -> int:
        """Requests here, waiting or running."""
        return len(self._waiting) + len(self._computing) + len(self._decoding)

    # -- events ------------------------------------------------------------------------------------------------

    def submit(self, job: Job, now_s: float) -> None:
        """Take a request. It enters the batch when the step that now runs is over, if there is room."""
        job.to_compute = job.prompt_tokens
        was_empty = not self._waiting
        self._waiting.append(job)
        if self.ends_s == NEVER:
            self._plan(now_s)
        elif was_empty and not self._chunks and self._has_room(job):
            self._planned = self._steps_until(now_s)
            self.ends_s = self._began_s + self._time_of(self._planned)

    def end_step(self, now_s: float) -> None:
        """Book what was planned to end now, and plan on."""
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
        """A part of a prompt is done; the last part comes with the next token of the answer."""
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
        """Decide what the next event is and when it ends."""
        times = self.shape.times
        self._began_s = now_s
        thrown = self._preempt()
        pairs = self._next_chunks()
        if not thrown:  # else the place would go straight back to the one that was thrown out
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
        """Throw out the newest sequences until the others can have their next token; True when one was."""
        thrown = False
        while self._used() + len(self._decoding) > self.shape.kv_tokens and self._decoding and self._running() > 1:
            job, _ = self._decoding.popitem()
            self._kv -= self._held(job)
            job.emitted += self._steps - job.joined
            job.to_compute = job.prompt_tokens + job.emitted
            job.computed = 0
            self._waiting.appendleft(job)
            self.preemptions += 1
            thrown = True
        return thrown

    def _next_chunks(self) -> float:
        """Go on with the prompts that are begun; returns the pairs of tokens that attend to each other."""
        self._chunks = []
        self._budget = self.shape.max_num_batched_tokens - len(self._decoding)
        return sum(self._add_chunk(each, each.to_compute - each.computed) for each in self._computing)

    def _admit(self, now_s: float) -> float:
        """Begin prompts with what is left of the step; returns as `_next_chunks`."""
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
        """As much of a prompt as the step has tokens left; returns as `_next_chunks`."""
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
        """Tokens of KV cache that are taken: the last block of a sequence is half empty on average."""
        return self._kv + self._slack * self._running()

    def _held(self, job: Job) -> int:
        """Tokens of a decoding sequence in the cache."""
        return job.to_compute + self._steps - job.joined

    def _has_room(self, job: Job) -> bool:
        running = self._running()
        if not running:
            return True
        return running < self.shape.max_num_seqs and self._used() + job.to_compute + self._slack <= self.shape.kv_tokens

    def _next_due(self) -> int:
        """The count of steps at which the next answer is complete; -1 when nothing decodes."""
        while self._due:
            step, _, job = self._due[0]
            if job in self._decoding and step == _due(job):
                return step
            heappop(self._due)  # it was thrown out since
        return -1

    def _time_of(self, steps: int) -> float:
        """Seconds that some steps take together: an arithmetic series."""
        if self._chunks:
            return self._first_step_s
        return steps * self._first_step_s + self._growth_s * steps * (steps - 1) / 2

    def _steps_until(self, now_s: float) -> int:
        """Steps after which the one that runs at `now_s` is over; at least 1, at most what was planned."""
        steps = math.ceil(self._steps_in(now_s - self._began_s))
        return min(max(steps, 1), self._planned)

    def _steps_in(self, seconds: float) -> float:
        """The inverse of `_time_of`."""
        linear, square = self._first_step_s - self._growth_s / 2, self._growth_s / 2
        if square * seconds < 1e-9 * linear * linear:
            return seconds / linear
        return (math.sqrt(linear * linear + 4 * square * seconds) - linear) / (2 * square)

    # -- reports -----------------------------------------------------------------------------------------------

    def state(self, now_s: float) -> ReplicaState:
        """What the replica says of itself."""
        sequences = len(self._decoding)
        decodes = sequences and not self._chunks
        new = sequences * min(int(self._steps_in(now_s - self._began_s)), self._planned) if decodes else 0
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
    """The replica's count of steps at which a decoding sequence has its whole answer."""
    return job.joined + job.answer_tokens - job.emitted
