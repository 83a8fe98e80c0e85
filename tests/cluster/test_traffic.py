"""Replicas for a rate of requests follow from the roofline."""

from __future__ import annotations

import math

import pytest

from cluster.facts import facts_of
from cluster.plan import smallest_layout
from cluster.traffic import USABLE_SHARE, Traffic, serve

FACTS = facts_of("meta-llama/Meta-Llama-3-8B-Instruct")
LAYOUT = smallest_layout(FACTS, "H100", "bf16", 8192)


def test_reading_prompts_alone_is_their_arithmetic():
    serving = serve(FACTS, LAYOUT, Traffic(10, prompt_tokens=8000, answer_tokens=1))
    # Two operations per parameter and token, at 989 * 10**12 a second.
    prefill_s = 2 * FACTS.parameters * 8000 / 989e12
    assert serving.least_ttft_s == pytest.approx(prefill_s)
    assert serving.bound == "arithmetic on prompts"
    assert serving.requests_per_s == pytest.approx(USABLE_SHARE / prefill_s, rel=0.05)


def test_the_replicas_are_the_fewest_that_are_enough():
    serving = serve(FACTS, LAYOUT, Traffic(100, 1000, 300))
    assert serving.replicas == math.ceil(100 / serving.requests_per_s)
    assert serving.devices == serving.replicas
    assert serve(FACTS, LAYOUT, Traffic(0, 1000, 300)).replicas == 1


def test_users_at_once_are_the_rate_times_the_time_of_an_answer():
    serving = serve(FACTS, LAYOUT, Traffic(100, 1000, 300))
    assert serving.users_at_once == round(100 * (serving.least_ttft_s + 300 * serving.least_tpot_s))


def test_a_small_cache_bounds_the_batch():
    serving = serve(FACTS, LAYOUT, Traffic(1, prompt_tokens=1, answer_tokens=8000))
    assert serving.bound == "KV cache, which limits the batch"


def test_a_request_that_does_not_fit_needs_other_devices():
    facts = facts_of("meta-llama/Meta-Llama-3-70B-Instruct")
    layout = smallest_layout(facts, "H100", "bf16", 8192)
    assert serve(facts, layout, Traffic(1, 100_000, 10)) is None
