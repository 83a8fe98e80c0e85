"""Fits an engine's speed to measurements of its clients: a simulated engine with these constants gives equal numbers.

The fit needs only the engine's limits, so any endpoint can be measured. A few closed-loop runs
(`simulation.closed_loop`) at different concurrencies separate the constants: the time to first token depends on the
prompt's length, the time per token on the requests in the batch.
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
"""Maximum number of Gauss-Newton steps."""
NUDGE = 0.03
"""Relative change for numerical slopes: large enough to change medians."""
GUESS_WEIGHT = 0.05
"""Weight of a constant's distance from its initial guess, compared with a measured number's error. It decides what the
numbers leave open. Among 0.02 to 0.2 it was the best on synthetic engines whose runs varied by up to 8%; lower weights
amplify noise."""


@dataclass(frozen=True)
class EngineLimits:
    """Limits that an engine reports; see `simulation.timing.EngineShape`."""

    kv_tokens: int
    max_num_seqs: int
    max_num_batched_tokens: int
    max_context_tokens: int
    block_tokens: int


@dataclass(frozen=True)
class EngineSpeed:
    """Constants of `simulation.timing.StepTimes`, and the time of a request outside the batch. All in seconds."""

    step_s: float
    per_sequence_s: float
    per_kv_token_s: float
    per_prompt_token_s: float
    per_attended_pair_s: float
    request_s: float
    """Time from the client to the batch, with the first token's way back. While other requests decode, the running step
    hides it, so clients and the fit see little of it."""

    def shape(self, limits: EngineLimits) -> EngineShape:
        """The engine's shape for a simulation."""
        steps = (self.step_s,) * (limits.max_num_seqs + 1)
        kv_token_s, prompt_token_s, pair_s = self.per_kv_token_s, self.per_prompt_token_s, self.per_attended_pair_s
        times = StepTimes(steps, self.step_s, self.per_sequence_s, kv_token_s, prompt_token_s, pair_s)
        return EngineShape(times=times, **vars(limits))

    def play(self, run: ClosedLoop, limits: EngineLimits) -> ClosedLoop:
        """Repeat a run with this engine. If it is faster than the measured one, the lengths start again."""
        lengths = cycle([(each.prompt_tokens, each.answer_tokens) for each in run.answers])
        return play(run, lengths, self.shape(limits), self.request_s)


@dataclass(frozen=True)
class Measurement:
    """The runs of a real engine, as stored in a file."""

    engine: str
    """Description of the engine."""
    machine: str
    """Description of the machine, with the date."""
    limits: EngineLimits
    runs: tuple[ClosedLoop, ...] = ()


@dataclass(frozen=True)
class Numbers:
    """The clients' measurements at one concurrency."""

    ttft_p50_s: float
    tpot_p50_s: float
    tokens_per_s: float
    """Tokens per second of all clients together."""


def numbers(runs: Sequence[ClosedLoop]) -> Numbers:
    """Numbers over several runs of one concurrency, without their lead-ins."""
    answers = [each for run in runs for each in run.counted]
    return Numbers(
        ttft_p50_s=float(np.median([each.ttft_s for each in answers])),
        tpot_p50_s=float(np.median([each.tpot_s for each in answers])),
        tokens_per_s=sum(run.counted_tokens for run in runs) / sum(run.seconds - run.lead_in_s for run in runs),
    )


def by_concurrency(runs: Sequence[ClosedLoop]) -> dict[int, list[ClosedLoop]]:
    """Runs grouped by concurrency, lowest first."""
    grouped: dict[int, list[ClosedLoop]] = {each: [] for each in sorted({run.concurrency for run in runs})}
    for run in runs:
        grouped[run.concurrency].append(run)
    return grouped


def fit(runs: Sequence[ClosedLoop], limits: EngineLimits) -> EngineSpeed:
    """Fit the constants by least squares of relative errors, with Gauss-Newton steps on their logarithms.

    Args:
        runs: measured runs of at least two concurrencies.
        limits: the engine's limits.
    """
    measured = _features(runs)
    guess = np.log(_guess(runs))

    def errors(logs: Floats) -> Floats:
        speed = EngineSpeed(*np.exp(logs).tolist())
        seen = _features([speed.play(run, limits) for run in runs])
        return np.append(seen - measured, GUESS_WEIGHT * (logs - guess))

    best, best_errors = guess, errors(guess)
    for _ in range(ROUNDS):
        slopes = [(errors(best + nudge) - errors(best - nudge)) / (2 * NUDGE) for nudge in NUDGE * np.eye(len(guess))]
        step = np.linalg.lstsq(np.array(slopes).T, -best_errors)[0]
        for share in (1.0, 0.5, 0.25, 0.125):
            new_errors = errors(best + share * step)
            if new_errors @ new_errors < best_errors @ best_errors:
                best, best_errors = best + share * step, new_errors
                break
        else:  # no step improves the fit
            break
    return EngineSpeed(*np.exp(best).tolist())


def _features(runs: Sequence[ClosedLoop]) -> Floats:
    """Logarithms of the numbers to fit at each concurrency: the three `Numbers`, and the mean TTFT of the shorter and
    of the longer prompts, whose difference shows the time per prompt token."""
    features: list[float] = []
    for group in by_concurrency(runs).values():
        answers = sorted((each for run in group for each in run.counted), key=lambda each: each.prompt_tokens)
        half = len(answers) // 2
        features += [*vars(numbers(group)).values(), _mean_ttft_s(answers[:half]), _mean_ttft_s(answers[half:])]
    return np.log(features)


def _mean_ttft_s(answers: Sequence[Answered]) -> float:
    return float(np.mean([each.ttft_s for each in answers]))


def _guess(runs: Sequence[ClosedLoop]) -> Floats:
    """An initial guess of the right magnitude: at the lowest concurrency, the fixed part dominates a step, and
    the prompt dominates the first token."""
    runs = next(iter(by_concurrency(runs).values()))
    lowest = numbers(runs)
    context = float(np.mean([each.prompt_tokens + each.answer_tokens / 2 for run in runs for each in run.counted]))
    prompt = float(np.mean([each.prompt_tokens for run in runs for each in run.counted]))
    step_s, prompt_s = lowest.tpot_p50_s, lowest.ttft_p50_s
    return np.array(
        [step_s, step_s / 20, step_s / 20 / context, prompt_s / 2 / prompt, prompt_s / 20 / prompt**2, prompt_s / 20]
    )
