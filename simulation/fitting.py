"""An engine's speed from what its clients saw: constants under which a simulated one shows them the same numbers.

Nothing of the engine itself is needed but its limits, so any endpoint can be measured. A few runs of closed loops
(`simulation.closed_loop`) at different concurrencies tell the constants apart: time to first token by the prompt's
length, time per token by the requests in the batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import cycle

import numpy as np

from simulation.closed_loop import Answered, ClosedLoop, play
from simulation.timing import EngineShape, StepTimes
from simulation.workload import Floats

ROUNDS = 12
"""Gauss-Newton steps at most."""
NUDGE = 0.03
"""Relative change by which slopes are taken: large enough that medians move with it."""
GUESS_WEIGHT = 0.05
"""What a constant that is wrong by e weighs beside a number that is wrong by e: it decides what the numbers leave open.
Of 0.02 to 0.2 the best on made-up engines whose runs were slower or faster by up to 8%; less lets noise run away."""


@dataclass(frozen=True)
class EngineLimits:
    """What an engine says of itself; see `simulation.timing.EngineShape`."""

    kv_tokens: int
    max_num_seqs: int
    max_num_batched_tokens: int
    max_context_tokens: int
    block_tokens: int


@dataclass(frozen=True)
class EngineSpeed:
    """Constants of `simulation.timing.StepTimes`, and what a request takes outside the batch. All in seconds."""

    step_s: float
    per_sequence_s: float
    per_kv_token_s: float
    per_prompt_token_s: float
    per_attended_pair_s: float
    request_s: float
    """From the client to the batch, and the first token back. While others decode, the step that runs hides it: clients
    see little of it, and so does a fit."""

    def shape(self, limits: EngineLimits) -> EngineShape:
        """The engine for a simulation."""
        steps = (self.step_s,) * (limits.max_num_seqs + 1)
        kv_token_s, prompt_token_s, pair_s = self.per_kv_token_s, self.per_prompt_token_s, self.per_attended_pair_s
        times = StepTimes(steps, self.step_s, self.per_sequence_s, kv_token_s, prompt_token_s, pair_s)
        return EngineShape(times=times, **vars(limits))

    def play(self, run: ClosedLoop, limits: EngineLimits) -> ClosedLoop:
        """A run's clients ask this engine for the same lengths, and from the beginning where it is done sooner."""
        asked = cycle([(each.prompt_tokens, each.answer_tokens) for each in run.answers])
        return play(run, asked, self.shape(limits), self.request_s)


@dataclass(frozen=True)
class Measurement:
    """A real engine's runs, as they are kept in a file."""

    engine: str
    """What was measured, in words."""
    machine: str
    """Where and when, in words."""
    limits: EngineLimits
    runs: tuple[ClosedLoop, ...] = ()


@dataclass(frozen=True)
class Numbers:
    """What clients saw at one concurrency."""

    ttft_p50_s: float
    tpot_p50_s: float
    tokens_per_s: float
    """Of all clients together."""


def numbers(runs: Sequence[ClosedLoop]) -> Numbers:
    """Over all runs, which are of one concurrency; lead-ins are left out."""
    answers = [each for run in runs for each in run.counted]
    return Numbers(
        ttft_p50_s=float(np.median([each.ttft_s for each in answers])),
        tpot_p50_s=float(np.median([each.tpot_s for each in answers])),
        tokens_per_s=sum(run.counted_tokens for run in runs) / sum(run.seconds - run.lead_in_s for run in runs),
    )


def by_concurrency(runs: Sequence[ClosedLoop]) -> dict[int, list[ClosedLoop]]:
    """Runs of the same concurrency together, the fewest clients first."""
    grouped: dict[int, list[ClosedLoop]] = {each: [] for each in sorted({run.concurrency for run in runs})}
    for run in runs:
        grouped[run.concurrency].append(run)
    return grouped


def fit(runs: Sequence[ClosedLoop], limits: EngineLimits) -> EngineSpeed:
    """The constants with the least squares of relative errors, by Gauss-Newton over their logarithms.

    Args:
        runs: measured, at two concurrencies or more.
    """
    measured = _features(runs)
    guess = np.log(_guess(runs))

    def errors(logs: Floats) -> Floats:
        speed = EngineSpeed(*np.exp(logs).tolist())
        seen = _features([speed.play(run, limits) for run in runs])
        return np.append(seen - measured, GUESS_WEIGHT * (logs - guess))

    best, wrong = guess, errors(guess)
    for _ in range(ROUNDS):
        slopes = [(errors(best + nudge) - errors(best - nudge)) / (2 * NUDGE) for nudge in NUDGE * np.eye(len(guess))]
        step = np.linalg.lstsq(np.array(slopes).T, -wrong)[0]
        for share in (1.0, 0.5, 0.25, 0.125):
            tried = errors(best + share * step)
            if tried @ tried < wrong @ wrong:
                best, wrong = best + share * step, tried
                break
        else:  # no way down is left
            break
    return EngineSpeed(*np.exp(best).tolist())


def _features(runs: Sequence[ClosedLoop]) -> Floats:
    """Logarithms of what is to be met at each concurrency: the three numbers, and times to first token of the shorter
    and the longer prompts, which differ by what a prompt's token takes."""
    made: list[float] = []
    for group in by_concurrency(runs).values():
        answers = sorted((each for run in group for each in run.counted), key=lambda each: each.prompt_tokens)
        half = len(answers) // 2
        made += [*vars(numbers(group)).values(), _mean_ttft_s(answers[:half]), _mean_ttft_s(answers[half:])]
    return np.log(made)


def _mean_ttft_s(answers: Sequence[Answered]) -> float:
    return float(np.mean([each.ttft_s for each in answers]))


def _guess(runs: Sequence[ClosedLoop]) -> Floats:
    """Constants of the right order: at the lowest concurrency a step is mostly its fixed part, a first token mostly
    its prompt."""
    fewest = next(iter(by_concurrency(runs).values()))
    alone = numbers(fewest)
    context = float(np.mean([each.prompt_tokens + each.answer_tokens / 2 for run in fewest for each in run.counted]))
    prompt = float(np.mean([each.prompt_tokens for run in fewest for each in run.counted]))
    step_s, prompt_s = alone.tpot_p50_s, alone.ttft_p50_s
    return np.array(
        [step_s, step_s / 20, step_s / 20 / context, prompt_s / 2 / prompt, prompt_s / 20 / prompt**2, prompt_s / 20]
    )
