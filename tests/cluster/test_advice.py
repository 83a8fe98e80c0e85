"""Advice takes more than the smallest layout where that is too little to serve with, and says why."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cluster.advice import advise
from cluster.facts import facts_of
from cluster.plan import TARGETS

LLAMA3_70B = facts_of("meta-llama/Meta-Llama-3-70B-Instruct")
MISTRAL = facts_of("mistralai/Mistral-7B-Instruct-v0.3")
MIXTRAL = facts_of("mistralai/Mixtral-8x7B-Instruct-v0.1")


def test_a_70b_gets_four_cards_because_two_hold_three_sequences():
    advice = advise(LLAMA3_70B, "A100-80G", 8192)
    assert (advice.layout.precision, advice.layout.devices) == ("bf16", 4)
    assert any("not 2 x A100-80G: they hold the weights, and 3 such sequences" in text for text in advice.reasons)


def test_the_smallest_layout_needs_no_reason_where_it_is_enough():
    advice = advise(facts_of("Qwen/Qwen3-8B"), "H100", 8192)
    assert advice.layout.devices == 1
    assert not any(text.startswith("not ") for text in advice.reasons)


def test_a_7b_needs_only_a_part_of_a_large_card():
    # 13.5 GiB of weights, eight times half a GiB of KV cache and 2.2 GiB beside them: a quarter of the card, and a
    # tenth of the share for what vLLM does not count.
    (part,) = [reason for reason in advise(MISTRAL, "A100-80G", 4096).reasons if "gpu_fraction" in reason]
    assert part.startswith("a part of the card is enough: gpu_fraction: 0.3 leaves")
    assert not any("gpu_fraction" in reason for reason in advise(LLAMA3_70B, "A100-80G", 8192).reasons)
    assert not any("gpu_fraction" in reason for reason in advise(MISTRAL, "cpu", 4096).reasons)


def test_devices_without_an_engine_here_are_planned_as_remote():
    advice = advise(MISTRAL, "TPU-v6e", 4096)
    assert advice.engine == "remote"
    assert "Signalbox starts no engine on TPU-v6e" in advice.reasons[0]


def test_mixtral_runs_on_four_24_gb_cards_in_8_bits():
    advice = advise(MIXTRAL, "RTX-4090", 8192)
    assert (advice.layout.precision, advice.layout.devices) == ("int8", 4)
    assert any("parallel.expert: 4" in reason for reason in advice.reasons)


def test_a_quantised_checkpoint_is_advised_as_it_is():
    assert advise(facts_of("openai/gpt-oss-120b"), "H100", 8192).layout.precision == "mxfp4"


def test_when_nothing_fits_the_advice_is_to_offload(monkeypatch):
    assert advise(LLAMA3_70B, "RTX-4090", 8192).layout.precision == "int8"
    monkeypatch.setitem(TARGETS, "card", replace(TARGETS["RTX-4090"], per_node=1, nodes=1))
    nothing = advise(MIXTRAL, "card", 8192)
    assert (nothing.layout, nothing.engine) == (None, "deepspeed")
    assert "offloading" in nothing.reasons[-1]


@pytest.mark.parametrize("model", ["google/gemma-3-27b-it", "Qwen/Qwen3.5-27B"])
def test_what_does_not_grow_with_a_sequence_is_said(model):
    reasons = advise(facts_of(model), "H100", 8192).reasons
    assert any("do not grow with its length" in reason for reason in reasons)
