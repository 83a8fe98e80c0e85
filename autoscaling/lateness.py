"""How much work a replica can take before answers miss the SLO, learned from the answers that did.

The arithmetic of mean batches (`autoscaling.concurrency`) does not cover long prompts that delay other requests, chance
in the choice of replicas, or bursts within seconds. Their outcome is measured: gateways report the share of SLO misses,
and the planner knows how much work each replica received meanwhile. The table keeps both side by side.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Literal

from autoscaling.speed import prompt_mix
from cluster.scaling import ScalingSpec

BINS_PER_DOUBLING = 6
MEMORY = 1_000.0
"""Answers at one amount of work after which earlier ones no longer count."""
FADE_S = 1800.0
"""Time after which an observation counts 1/e, the length of the demand history. Work that was once too much is not
offered again, so nothing else would ever correct the limit."""
PRIOR = 20.0
"""Answers within the SLO that each amount of work is credited with from the start."""
PROMPT_TOKEN_LATENESS = 1.0
"""Work of a prompt token in units of a generated one, for its effect on lateness: prompts delay the requests behind
them, which mean speeds (`autoscaling.speed`) do not show. On the Azure 2023 trace at ten times its load, in simulated
pools of a 7B and a 70B model, this weight explains 19% and 4% more of the deviance of SLO misses than 0.3; a larger
weight explains hardly more."""
QUIET = 0.4
"""Share of the possible work up to which more replicas cannot fix SLO misses."""
ENOUGH = 100.0
"""Answers at quiet times before their SLO misses count as misses that more replicas cannot fix."""


Objective = Literal["ttft", "tpot"]


def lateness_mix(prompt_tokens: float, answer_tokens: float) -> float:
    """As `autoscaling.speed.prompt_mix`, with the weight of prompts in lateness."""
    return prompt_mix(prompt_tokens, answer_tokens, PROMPT_TOKEN_LATENESS)


def is_late(targets: ScalingSpec, first_s: float | None, whole_s: float, answer_tokens: int) -> bool:
    """Whether an answer missed `ttft_target_s` or `tpot_target_s`; as `missed`."""
    return bool(missed(targets, first_s, whole_s, answer_tokens))


def missed(targets: ScalingSpec, first_s: float | None, whole_s: float, answer_tokens: int) -> tuple[Objective, ...]:
    """Which of `ttft_target_s` and `tpot_target_s` an answer missed.

    Args:
        first_s: from the request to the first token; None if unknown, as for answers that are not streamed: their
            limit is the sum of both targets, and they miss both if they take longer.
        whole_s: from the request to the last token.
    """
    steps = max(answer_tokens - 1, 1)
    if first_s is None:
        return ("ttft", "tpot") if whole_s > targets.ttft_target_s + steps * targets.tpot_target_s else ()
    misses: tuple[Objective, ...] = ("ttft",) if first_s > targets.ttft_target_s else ()
    return (*misses, "tpot") if whole_s - first_s > steps * targets.tpot_target_s else misses


@dataclass
class LatenessTable:
    """Answers of one pool, and how many of them missed the SLO, by the work that each replica received."""

    _bins: dict[int, tuple[float, float]] = field(default_factory=dict)

    def add(self, work_per_s: float, answers: float, late_ratio: float) -> None:
        """Add answers.

        Args:
            work_per_s: work of each replica meanwhile: generated tokens x `lateness_mix`.
            late_ratio: share of the answers that missed the SLO.
        """
        size = round(BINS_PER_DOUBLING * math.log2(max(work_per_s, 1.0)))
        known, late = self._bins.get(size, (0.0, 0.0))
        keep = max(0.0, 1 - answers / MEMORY)
        self._bins[size] = (keep * known + answers, keep * late + late_ratio * answers)

    def fade(self, seconds: float) -> None:
        """Let time pass."""
        keep = math.exp(-seconds / FADE_S)
        self._bins = {size: (keep * answers, keep * late) for size, (answers, late) in self._bins.items()}

    def healthy_work(self, possible: float, share: float) -> float:
        """Work per second that a replica can take with at most `share` SLO misses; inf if the share was never exceeded.

        Args:
            possible: work per second that its speed allows. The result is never below QUIET of it.
        """
        quiet = [seen for size, seen in self._bins.items() if _work(size) <= QUIET * possible]
        known = sum(answers for answers, _ in quiet)
        usual = sum(late for _, late in quiet) / known if known >= ENOUGH else 0.0
        rows = (
            (size, answers + PRIOR, max(0.0, late - usual * answers))
            for size, (answers, late) in sorted(self._bins.items())
            if _work(size) > QUIET * possible
        )
        return next((_work(size - 0.5) for size, seen in _rising(rows) if seen > share), math.inf)


def _work(size: float) -> float:
    return float(2 ** (size / BINS_PER_DOUBLING))


def _rising(rows: Iterable[tuple[int, float, float]]) -> list[tuple[int, float]]:
    """First bin and share of merged neighbours, so that shares only grow with the work (pool adjacent violators)."""
    blocks: list[tuple[int, float, float]] = []
    for size, answers, late in rows:
        block = (size, answers, late)
        while blocks and blocks[-1][2] / blocks[-1][1] >= block[2] / block[1]:
            first, more, lates = blocks.pop()
            block = (first, block[1] + more, block[2] + lates)
        blocks.append(block)
    return [(size, late / answers) for size, answers, late in blocks]
