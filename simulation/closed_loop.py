"""Clients that each have one request at a time: how a real engine is measured, and the same before a simulated one."""

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
"""Shortest and longest; every length between them is as likely as any other."""


def lengths(seed: str) -> Iterator[tuple[int, int]]:
    """Prompt and answer tokens of one request after the other, without end."""
    draw = random.Random(seed)
    while True:
        yield draw.randint(*PROMPT_TOKENS), draw.randint(*ANSWER_TOKENS)


class Answered(NamedTuple):
    """One request as its client saw it. Seconds since the clients began."""

    prompt_tokens: int
    answer_tokens: int
    start_s: float
    first_s: float
    """First token."""
    end_s: float

    @property
    def ttft_s(self) -> float:
        """Time to first token."""
        return self.first_s - self.start_s

    @property
    def tpot_s(self) -> float:
        """Time per token after the first; the answer has two at least."""
        return (self.end_s - self.first_s) / (self.answer_tokens - 1)


@dataclass(frozen=True)
class ClosedLoop:
    """Some clients that began together and each asked again and again for some time."""

    concurrency: int
    seconds: float
    """Nobody asks after this."""
    lead_in_s: float
    """Not counted: at the beginning all wait for their first tokens at once."""
    answers: tuple[Answered, ...] = ()
    """All, in the order in which they were asked for."""

    @property
    def counted(self) -> list[Answered]:
        """Answers to what was asked after the lead-in."""
        return [each for each in self.answers if each.start_s >= self.lead_in_s]

    @property
    def counted_tokens(self) -> float:
        """Tokens that came between lead-in and end."""
        return float(sum(_tokens_by(self.answers, self.seconds) - _tokens_by(self.answers, self.lead_in_s)))


def _tokens_by(answers: Sequence[Answered], now_s: float) -> Floats:
    """Tokens that each answer had at some time; between its first and its last they come evenly."""
    _, tokens, _, first, end = np.array(answers, dtype=np.float64).T
    return np.where(now_s < first, 0.0, 1 + (tokens - 1) * np.clip((now_s - first) / (end - first), 0.0, 1.0))


def play(run: ClosedLoop, requests: Iterator[tuple[int, int]], shape: EngineShape, request_s: float) -> ClosedLoop:
    """The same clients before a simulated engine.

    Args:
        requests: prompt and answer tokens of what is asked next, by whichever client is free.
        request_s: what a request takes from its client to the engine's batch, and its first token back.
    """
    replica = Replica("", "", shape)
    asked: list[Job] = []
    under_way = deque[Job]()
    ends: dict[int, float] = {}

    def ask(now_s: float) -> None:
        if now_s <= run.seconds:
            asked.append(Job(len(asked), now_s, *next(requests)))
            under_way.append(asked[-1])

    for _ in range(run.concurrency):
        ask(0.0)
    while under_way or replica.ends_s < NEVER:
        if under_way and under_way[0].arrival_s + request_s <= replica.ends_s:
            job = under_way.popleft()
            replica.submit(job, job.arrival_s + request_s)
            continue
        now_s = replica.ends_s
        replica.end_step(now_s)
        for job in replica.left:
            ends[job.index] = now_s
            ask(now_s)
        replica.left.clear()
    answers = (Answered(j.prompt_tokens, j.answer_tokens, j.arrival_s, j.first_s, ends[j.index]) for j in asked)
    return replace(run, answers=tuple(answers))
