"""A fitted engine shows its clients what the real one showed them, also at concurrencies that no fit saw."""

from __future__ import annotations

import random
from collections.abc import Iterable
from dataclasses import replace

import pytest
from pydantic import TypeAdapter

from cluster.loading import PROJECT_ROOT
from simulation.closed_loop import Answered, ClosedLoop, lengths, play
from simulation.fitting import EngineLimits, EngineSpeed, Measurement, by_concurrency, fit, numbers

MEASURED = PROJECT_ROOT / "benchmarks" / "results" / "timing_fit.json"
LIMITS = EngineLimits(40_000, 32, 2_048, 1_024, 32)
CPU = EngineSpeed(8e-3, 2e-4, 2e-6, 2.5e-4, 4e-8, 4e-3)
GPU = EngineSpeed(2.5e-2, 3e-4, 1e-7, 8e-5, 2e-9, 3e-3)
FITTED, PREDICTED = (2, 4, 16), (1, 8, 32)


def runs_of(speed: EngineSpeed, concurrencies: Iterable[int], seconds: float = 24.0) -> list[ClosedLoop]:
    shape = speed.shape(LIMITS)
    return [play(ClosedLoop(each, seconds, 4.0), lengths(f"{each}"), shape, speed.request_s) for each in concurrencies]


def worst_error(speed: EngineSpeed, limits: EngineLimits, runs: Iterable[ClosedLoop]) -> float:
    errors = []
    for group in by_concurrency(list(runs)).values():
        real, simulated = vars(numbers(group)), vars(numbers([speed.play(run, limits) for run in group]))
        errors += [abs(simulated[name] / real[name] - 1) for name in real]
    return max(errors)


def slower(run: ClosedLoop, draw: random.Random) -> ClosedLoop:
    """As if the machine had been busier or less busy while the run lasted, and for every single request."""
    whole = draw.uniform(0.92, 1.08)

    def one(each: Answered) -> Answered:
        factor = whole * draw.uniform(0.9, 1.1)
        first_s = each.start_s + factor * each.ttft_s
        return each._replace(first_s=first_s, end_s=first_s + factor * (each.end_s - each.first_s))

    return replace(run, answers=tuple(map(one, run.answers)))


def test_numbers_are_medians_of_what_counts_and_tokens_by_time():
    answers = tuple(Answered(10, 11, at, at + wait, at + wait + 1.0) for at, wait in ((0, 9), (2, 0.1), (4, 0.3)))
    run = ClosedLoop(1, 6.0, 2.0, answers)
    found = numbers([run, run])
    assert found.ttft_p50_s == pytest.approx(0.2)
    assert found.tpot_p50_s == pytest.approx(0.1)
    assert found.tokens_per_s == pytest.approx((11 + 11) / 4)


@pytest.mark.parametrize("speed", [CPU, GPU], ids=["like a CPU", "like a GPU"])
def test_a_fit_finds_the_engine_that_made_the_numbers(speed):
    found = fit(runs_of(speed, FITTED), LIMITS)
    assert worst_error(found, LIMITS, runs_of(speed, PREDICTED)) < 0.08
    assert found.step_s == pytest.approx(speed.step_s, rel=0.1)
    assert found.per_prompt_token_s == pytest.approx(speed.per_prompt_token_s, rel=0.2)


def test_a_fit_lives_with_noise():
    draw = random.Random(5)
    noisy = [slower(run, draw) for run in runs_of(CPU, FITTED)]
    assert worst_error(fit(noisy, LIMITS), LIMITS, runs_of(CPU, PREDICTED)) < 0.2


def test_a_shape_has_the_engines_limits_and_speed():
    shape = CPU.shape(LIMITS)
    assert (shape.kv_tokens, shape.max_num_seqs, shape.max_num_batched_tokens) == (40_000, 32, 2_048)
    assert (shape.max_context_tokens, shape.block_tokens) == (1_024, 32)
    assert shape.times.decode_s(32, 1_000) == pytest.approx(8e-3 + 32 * 2e-4 + 1_000 * 2e-6)
    assert shape.times.prefill_s(1, 0, 100, 5_000) == pytest.approx(8e-3 + 2e-4 + 100 * 2.5e-4 + 5_000 * 4e-8)


def test_a_real_engine_is_predicted_at_concurrencies_that_no_fit_saw():
    """vLLM with the demo's large model, measured as docs/simulation.md says."""
    measured = TypeAdapter(Measurement).validate_json(MEASURED.read_bytes())
    speed = fit([run for run in measured.runs if run.concurrency in FITTED], measured.limits)
    unseen = [run for run in measured.runs if run.concurrency in PREDICTED]
    assert {run.concurrency for run in unseen} == set(PREDICTED)
    assert all(len(run.counted) >= 5 for run in unseen)
    assert worst_error(speed, measured.limits, unseen) < 0.2
