"""Known answers of the field come out of the plan."""

from __future__ import annotations

import pytest

from cluster.facts import facts_of
from cluster.plan import kv_kib_per_token, precisions, smallest_layout, weights_gb

MISTRAL = facts_of("mistralai/Mistral-7B-Instruct-v0.3")
LLAMA2_7B = facts_of("meta-llama/Llama-2-7b-chat-hf")
LLAMA3_70B = facts_of("meta-llama/Meta-Llama-3-70B-Instruct")
MIXTRAL = facts_of("mistralai/Mixtral-8x7B-Instruct-v0.1")


@pytest.mark.parametrize(
    ("facts", "precision", "size_gb"),
    [
        (LLAMA3_70B, "bf16", 141.1),
        (LLAMA3_70B, "int8", 72.7),
        (LLAMA3_70B, "int4", 39.8),  # the size of the published AWQ checkpoints
        (LLAMA2_7B, "fp32", 27.0),
        (LLAMA2_7B, "bf16", 13.5),
        (LLAMA2_7B, "int4", 3.9),  # 3.89 GB: the published AWQ checkpoint
        (MIXTRAL, "bf16", 93.4),
    ],
)
def test_weights(facts, precision, size_gb):
    assert weights_gb(facts, precision) == pytest.approx(size_gb, rel=0.03)


def test_kv_cache_of_a_token():
    assert kv_kib_per_token(LLAMA2_7B) == 512
    assert kv_kib_per_token(LLAMA3_70B) == 320  # 8 of 64 heads keep keys and values
    assert kv_kib_per_token(MIXTRAL) == 128


@pytest.mark.parametrize("card", ["RTX-4090", "L4", "A10G"])
def test_a_7b_in_fp32_does_not_fit_a_24_gb_card_and_in_4_bits_does(card):
    assert smallest_layout(MISTRAL, card, "fp32", 4096).devices == 2
    assert smallest_layout(MISTRAL, card, "int4", 4096).devices == 1


def test_the_roofline_of_one_sequence_is_reading_the_weights_once_per_token():
    # 16.06 GB of weights and half a context of 1 token at 3350 GB/s, batch of 1: about 208 tokens a second.
    facts = facts_of("meta-llama/Meta-Llama-3-8B-Instruct")
    one = smallest_layout(facts, "H100", "bf16", 8192)
    seconds = one.memory.sequences / one.tokens_per_s
    reads = one.memory.weights_gib * 2**30 + one.memory.sequences * 4096 * 128 * 1024
    assert seconds == pytest.approx(reads / 3350e9, rel=1e-6)
    assert one.cost_per_mtok(2.0) == pytest.approx(2.0 * 1e6 / one.tokens_per_s / 3600)


def test_a_batch_of_a_mixture_of_experts_reads_only_the_experts_it_uses():
    layout = smallest_layout(MIXTRAL, "H200", "bf16", 32_768)
    dense_reads = layout.memory.weights_gib * 2**30
    batch = layout.memory.sequences
    assert batch < 12
    kv_reads = batch * 16_384 * 128 * 1024
    assert batch / layout.tokens_per_s < (dense_reads + kv_reads) / 4800e9


def test_a_quantised_checkpoint_is_planned_as_it_is():
    facts = facts_of("openai/gpt-oss-120b")
    assert list(precisions(facts)) == ["mxfp4"]
    # The published checkpoint has 65 GB.
    assert weights_gb(facts, "mxfp4") == pytest.approx(65, rel=0.05)


def test_two_80_gb_cards_hold_a_70b_in_16_bits_and_almost_no_kv_cache():
    layout = smallest_layout(LLAMA3_70B, "A100-80G", "bf16", 8192)
    assert (layout.devices, layout.tensor) == (2, 2)
    assert layout.memory.kv_tokens == pytest.approx(26_000, rel=0.065)


def test_mixtral_needs_more_than_one_24_gb_card():
    layouts = {p: smallest_layout(MIXTRAL, "RTX-4090", p, 8192) for p in ("bf16", "int8", "int4")}
    assert {p: layout.devices for p, layout in layouts.items()} == {"bf16": 8, "int8": 4, "int4": 2}
