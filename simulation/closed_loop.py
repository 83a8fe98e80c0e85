"""Clients with one request at a time each. Real engines are measured with them, and simulated ones replay them."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np

from simulation.job import Job
from simulation.replica import NEVER, Replica
from simulation.timing import EngineShape
from simulation.workload import Floats

PROMPT_TOKENS = (32, 512)
ANSWER_TOKENS = (32, 200)
"""Shortest and longest length; all lengths are equally likely."""


def lengths(seed: str) -> Iterator[tuple[int, int]]:
    """An endless stream of prompt and answer tokens, one pair per request."""
    draw = random.Random(seed)
    while True:
        yield draw.randint(*PROMPT_TOKENS), draw.randint(*ANSWER_TOKENS)


class Answered(NamedTuple):
    """One request from its client's view. Times are seconds since the clients started."""

    prompt_tokens: int
    answer_tokens: int
    start_s: float
    first_s: float
    """Time of the first token."""
    end_s: float

    @property
    def ttft_s(self) -> float:
        """Time to first token, in seconds."""
        return self.first_s - self.start_s

    @property
    def tpot_s(self) -> float:
        """Time per token after the first, in seconds. The answer has at least two tokens."""
        return (self.end_s - self.first_s) / (self.answer_tokens - 1)


@dataclass(frozen=True)
class ClosedLoop:
    """A run of clients that start together and each send requests one after the other for a time."""

    concurrency: int
    seconds: float
    """No client sends a request after this time."""
    lead_in_s: float
    """Seconds at the start that do not count, because all clients wait for their first tokens together."""
    answers: tuple[Answered, ...] = ()
    """All answers, in the order of their requests."""

    @property
    def counted(self) -> list[Answered]:
        """Answers to requests after the lead-in."""
        return [each for each in self.answers if each.start_s >= self.lead_in_s]

    @property
    def counted_tokens(self) -> float:
        """Tokens generated between lead-in and end."""
        return float(sum(_tokens_by(self.answers, self.seconds) - _tokens_by(self.answers, self.lead_in_s)))


def _tokens_by(answers: Sequence[Answered], now_s: float) -> Floats:
    """Tokens of each answer at a time, if tokens are spread evenly between the first and the last."""
    _, tokens, _, first, end = np.array(answers, dtype=np.float64).T
    return np.where(now_s < first, 0.0, 1 + (tokens - 1) * np.clip((now_s - first) / (end - first), 0.0, 1.0))


def play(run: ClosedLoop, requests: Iterator[tuple[int, int]], shape: EngineShape, request_s: float) -> ClosedLoop:
    """Run the same clients against a simulated engine.

    Args:
        run: the clients to repeat.
        requests: prompt and answer tokens of the next request, for whichever client is free.
        shape: the engine to simulate.
        request_s: seconds that a request takes from its client to the engine's batch, with its first token's way back.
    """
    replica = Replica("", "", shape)
    jobs: list[Job] = []
    under_way = deque[Job]()
    ends: dict[int, float] = {}

    def send(now_s: float) -> None:
        if now_s <= run.seconds:
            jobs.append(Job(len(jobs), now_s, *next(requests)))
            under_way.append(jobs[-1])

    for _ in range(run.concurrency):
        send(0.0)
    while under_way or replica.ends_s < NEVER:
        if under_way and under_way[0].arrival_s + request_s <= replica.ends_s:
            job = under_way.popleft()
            replica.submit(job, job.arrival_s + request_s)
            continue
        now_s = replica.ends_s
        replica.end_step(now_s)
        for job in replica.left:
            ends[job.index] = now_s
            send(now_s)
        replica.left.clear()
    answers = (Answered(j.prompt_tokens, j.answer_tokens, j.arrival_s, j.first_s, ends[j.index]) for j in jobs)
    return replace(run, answers=tuple(answers))
