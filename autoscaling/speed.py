"""How fast a pool's replicas are, learned from their reports.

    time of a step = base + per_request x work of the step
    work           = running requests + PROMPT_TOKEN_WORK x prompt tokens read

A step reads the weights once (base), does some work for every request in the batch and reads prompts in between. All
requests of a batch get a token with each step, so this is their time per token (TPOT).

Reports are summed by batch size, and the line goes through the sums: an hour at one load does not outweigh what was
learned at another, and the ratio of two sums has none of the noise of single reports.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from cluster.load import generation_rate
from cluster.state import ReplicaState

PROMPT_TOKEN_WORK = 0.3
"""Work of reading a prompt token, in units of what one more request adds to a step. Llama-2-70B on eight H100: 0.08 ms
against 0.27 ms (the table of Splitwise, Patel et al. 2024). If the real value differs, the line is right for the mix of
prompts and answers that it was learned from."""
USUAL_BASE_WORK = 100.0
"""Assumed work that takes as much time as a step's base, until known: 30 ms against 0.27 ms in the same table."""
USUAL_WEIGHT = 0.003
"""Weight of this assumption compared with observed steps: little once their work differs by a tenth of it."""
REMEMBER_S = 300.0
"""Replica-seconds at one batch size after which earlier ones no longer count."""
ENOUGH_S = 10.0
"""Replica-seconds before a line is fitted."""
EXTRAPOLATE = 4.0
"""Steps are expected to follow the line up to this multiple of the most work observed."""
MOST_SLOPE = 0.9
"""Largest share of an average step that its work may explain: some of it is always the base."""


def prompt_mix(prompt_tokens: float, answer_tokens: float, weight: float = PROMPT_TOKEN_WORK) -> float:
    """Work per generated token in the long run, with its share of a prompt: at least 1, and 1 if no answers are known.

    Args:
        weight: work of a prompt token.
    """
    return 1 + weight * prompt_tokens / answer_tokens if answer_tokens > 0 else 1.0


@dataclass(frozen=True)
class Speed:
    """Time of a replica's steps."""

    base_s: float
    per_request_s: float
    most_work: float
    """Work of a step up to which the line is trusted."""


@dataclass
class _Bin:
    """Sums over the time that replicas spent at about one batch size."""

    seconds: float = 0.0
    steps: float = 0.0
    work: float = 0.0

    def add(self, seconds: float, steps: float, work: float) -> None:
        keep = max(0.0, 1 - seconds / REMEMBER_S)
        self.seconds = keep * self.seconds + seconds
        self.steps = keep * self.steps + steps
        self.work = keep * self.work + work


@dataclass
class SpeedTable:
    """Steps of a pool's replicas by batch size."""

    _bins: dict[int, _Bin] = field(default_factory=dict)

    def add(self, before: ReplicaState, now: ReplicaState, prompt_tokens: float, answer_tokens: float) -> None:
        """Learn from what a replica did between two of its reports.

        Args:
            prompt_tokens: mean prompt of recent requests.
            answer_tokens: mean answer of recent requests; 0 if unknown: then nothing is learned.
        """
        rate = generation_rate(before, now)
        running = (before.running + now.running) / 2
        seconds = now.as_of_s - before.as_of_s
        generated = rate * seconds if rate else 0.0
        if generated < 1 or not running or answer_tokens <= 0:
            return
        # Requests that joined the batch: those that left it (one for each answer's tokens) and its growth.
        joined = max(0.0, generated / answer_tokens + now.running - before.running)
        work = generated + PROMPT_TOKEN_WORK * joined * prompt_tokens
        size = round(2 * math.log2(max(running, 1.0)))
        self._bins.setdefault(size, _Bin()).add(seconds, generated / running, work)

    def speed(self) -> Speed | None:
        """The line through the sums; None while there are too few."""
        bins = self._bins.values()
        if sum(each.seconds for each in bins) < ENOUGH_S:
            return None
        work = [each.work / each.steps for each in bins]
        step_s = [each.seconds / each.steps for each in bins]
        # Weighted for relative errors: a time may be wrong by the same share at every batch size.
        weights = [each.seconds / (time_s * time_s) for each, time_s in zip(bins, step_s, strict=True)]
        return Speed(*_line(work, step_s, weights), EXTRAPOLATE * max(work))


def _line(work: Sequence[float], step_s: Sequence[float], weights: Sequence[float]) -> tuple[float, float]:
    """Base and slope by least squares, within possible values."""
    points = list(zip(work, step_s, weights, strict=True))
    total = sum(weights)
    mean_x = sum(weight * x for x, _, weight in points) / total
    mean_y = sum(weight * y for _, y, weight in points) / total
    spread = sum(weight * (x - mean_x) ** 2 for x, _, weight in points)
    shared = sum(weight * (x - mean_x) * (y - mean_y) for x, y, weight in points)
    # Least squares plus USUAL_WEIGHT x (base - USUAL_BASE_WORK x slope)^2, since steps of one size cannot tell the two.
    usual_x = mean_x + USUAL_BASE_WORK
    slope = (shared + USUAL_WEIGHT * total * usual_x * mean_y) / (spread + USUAL_WEIGHT * total * usual_x**2)
    slope = min(max(slope, 0.0), MOST_SLOPE * mean_y / mean_x)
    return mean_y - slope * mean_x, slope
