"""Step times add up as they are documented."""

from __future__ import annotations

import pytest

from simulation.timing import EngineShape, StepTimes

TIMES = StepTimes((0.01, 0.02, 0.03), 0.05, 0.001, 1e-6, 1e-4, 1e-8, per_long_token_s=1e-3, long_from_tokens=100)


def shape(**changes):
    fields = {"times": TIMES, "kv_tokens": 10_000, "max_num_seqs": 2, "max_num_batched_tokens": 80}
    return EngineShape(**{**fields, "max_context_tokens": 4_096, **changes})


def test_a_step_without_prompts_reads_what_its_sequences_need():
    assert TIMES.decode_s(2, 1_000) == pytest.approx(0.03 + 0.002 + 0.001)


def test_a_step_with_prompts_reads_all_and_takes_longer_beyond_the_kink():
    assert TIMES.prefill_s(2, 1_000, 90, 500.0) == pytest.approx(0.05 + 0.002 + 0.001 + 0.009 + 5e-6)
    assert TIMES.prefill_s(0, 0, 150, 0.0) == pytest.approx(0.05 + 0.015 + 0.05)


def test_an_idle_engine_computes_a_prompt_step_by_step_or_whole():
    assert shape().unloaded_ttft_s(200) == pytest.approx(3 * 0.05 + 0.02 + 1e-8 * 20_000)
    assert shape().unloaded_ttft_s(160) == pytest.approx(2 * 0.05 + 0.016 + 1e-8 * 12_800)
    assert shape(chunked=False).unloaded_ttft_s(200) == pytest.approx(0.05 + 0.02 + 0.1 + 1e-8 * 20_000)
