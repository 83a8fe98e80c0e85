"""Known figures of the field come out of the arithmetic. GB is 10**9 bytes, GiB 2**30."""

from __future__ import annotations

from dataclasses import replace

import pytest

from cluster.batches import max_num_seqs
from cluster.facts import facts_of
from cluster.memory import GIB, GPU_MEMORY_UTILIZATION, TYPICAL_TOKENS, pool_memory, weight_bytes
from cluster.spec import FleetSpec
from cluster.widths import kv_bytes, weight_bytes_each

MISTRAL = "mistralai/Mistral-7B-Instruct-v0.3"
LLAMA2_7B = "meta-llama/Llama-2-7b-chat-hf"
LLAMA3_70B = "meta-llama/Meta-Llama-3-70B-Instruct"
MIXTRAL = "mistralai/Mixtral-8x7B-Instruct-v0.1"


def fleet(model, device="H100", parallel=None, memory_gib=None, **options):
    pool = {"tier": "large", "model": model, "engine": {"options": options}, "parallel": parallel or {}}
    hardware = {"node": {"device": device, "devices_per_node": 8, "memory_gib": memory_gib}}
    return FleetSpec.model_validate({"pools": {"p": pool}, "hardware": hardware})


def memory_of(spec, facts=None):
    return pool_memory(facts or facts_of(spec.pools["p"].model), spec.pools["p"], spec.hardware_of("p"))


# The reference figures: 0.9 of the device, 16-bit KV cache, weights of the whole replica in GB.
@pytest.mark.parametrize(
    ("model", "device", "tensor", "options", "kv_tokens", "weights_gb"),
    [
        (LLAMA2_7B, "L4", 1, {}, 12_000, 13.5),
        (MIXTRAL, "A100-80G", 2, {}, 431_000, 93.4),
        (MIXTRAL, "H100", 1, {"quantization": "fp8"}, 215_000, 46.8),
        (LLAMA3_70B, "A100-80G", 4, {}, 484_000, 141.1),
        (LLAMA3_70B, "A100-80G", 2, {}, 26_000, 141.1),
        (LLAMA3_70B, "A100-80G", 2, {"quantization": "fp8"}, 242_000, 72.7),  # 70.6 and the embeddings' other byte
    ],
)
def test_kv_tokens_and_weights(model, device, tensor, options, kv_tokens, weights_gb):
    memory = memory_of(fleet(model, device, {"tensor": tensor}, **options))
    assert memory.kv_tokens == pytest.approx(kv_tokens, rel=0.065)
    assert memory.weights_gib * tensor * GIB / 1e9 == pytest.approx(weights_gb, rel=0.005)


def test_an_awq_70b_takes_about_40_gb():
    # 39.8 GB is the size of the published AWQ checkpoints of Llama 3 70B.
    memory = memory_of(fleet(LLAMA3_70B, quantization="awq"))
    assert memory.weights_gib * GIB / 1e9 == pytest.approx(39.8, rel=0.02)


@pytest.mark.engine
def test_the_defaults_are_vllms_or_below():
    from vllm.config import CacheConfig

    vllm_default = CacheConfig.__dataclass_fields__["gpu_memory_utilization"].default.default
    assert vllm_default >= GPU_MEMORY_UTILIZATION


@pytest.mark.parametrize(
    ("device", "parallel", "options", "batch"),
    [
        ("L4", {}, {}, 256),
        ("A100-80G", {}, {}, 256),
        ("H100", {"tensor": 4}, {}, 1024),
        ("H200", {}, {}, 1024),
        ("cpu", {"tensor": 2}, {}, 256),
        ("H100", {}, {"max_num_seqs": 64}, 64),
    ],
)
def test_the_batch_is_as_wide_as_vllm_serve_makes_it(device, parallel, options, batch):
    spec = fleet(MISTRAL, device, parallel, memory_gib=40.0 if device == "cpu" else None, **options)
    assert max_num_seqs(spec.pools["p"], spec.hardware_of("p")) == batch


@pytest.mark.engine
def test_the_batch_defaults_of_cpu_ranks_are_vllms_own():
    from vllm import EngineArgs
    from vllm.usage.usage_lib import UsageContext

    _, sequences = EngineArgs.get_batch_defaults(world_size=2)
    spec = fleet(MISTRAL, "cpu", {"tensor": 2}, memory_gib=40.0)
    assert max_num_seqs(spec.pools["p"], spec.hardware_of("p")) == sequences[UsageContext.OPENAI_API_SERVER]


# -- fit -------------------------------------------------------------------------------------------------------------


def test_a_70b_does_not_fit_one_card():
    memory = memory_of(fleet(LLAMA3_70B))
    assert not memory.fits
    # 71.6 usable - 131.4 weights - 2.2 runtime - 2.5 for one sequence of 8192 tokens
    assert memory.spare_gib == pytest.approx(-64.5, abs=0.2)
    assert (memory.kv_tokens, memory.sequences) == (0, 0)


def test_a_shorter_context_can_make_a_model_fit():
    assert not memory_of(fleet(LLAMA2_7B, "L4", max_model_len=16_384)).fits
    assert memory_of(fleet(LLAMA2_7B, "L4", max_model_len=8_192)).fits


def test_the_whole_card_is_used_when_asked():
    less, more = (memory_of(fleet(MISTRAL, gpu_memory_utilization=share)) for share in (0.5, 1.0))
    assert more.kv_gib - less.kv_gib == pytest.approx(79.6 / 2)


@pytest.mark.parametrize(
    ("asked_gib", "fits", "spare_gib"),
    [
        (0.5, False, 0.5 - 1.0),  # 8192 tokens at 128 KiB want 1 GiB
        (3.0, True, 2.0),
        (70.0, False, 79.6 - 13.5 - 2.2 - 70.0),
    ],
)
def test_a_kv_size_that_is_asked_for_has_to_hold_a_sequence_and_fit_the_card(asked_gib, fits, spare_gib):
    memory = memory_of(fleet(MISTRAL, max_model_len=8192, kv_cache_memory_bytes=int(asked_gib * GIB)))
    assert memory.fits is fits
    assert memory.spare_gib == pytest.approx(spare_gib, abs=0.02)
    assert memory.kv_tokens == int(asked_gib * GIB / 131_072)


def test_a_cpu_rank_uses_its_memory_whole():
    memory = memory_of(fleet(MISTRAL, "cpu", memory_gib=32.0))
    assert memory.usable_gib == 32.0
    assert memory.kv_gib == pytest.approx(32.0 - memory.weights_gib - 0.9)


# -- KV cache --------------------------------------------------------------------------------------------------------


def test_kv_bytes_of_a_token():
    # Llama-2-7B: 2 x 32 layers x 32 heads x 128 numbers of 2 bytes; Llama-3-70B: 2 x 80 x 8 x 128 of 2 bytes.
    assert memory_of(fleet(LLAMA2_7B)).kv_bytes_per_token == 512 * 1024
    assert memory_of(fleet(LLAMA3_70B)).kv_bytes_per_token == 320 * 1024
    assert memory_of(fleet(LLAMA3_70B, parallel={"tensor": 4})).kv_bytes_per_token == 80 * 1024
    assert memory_of(fleet(LLAMA3_70B, parallel={"pipeline": 4})).kv_bytes_per_token == 80 * 1024


def test_fp8_kv_cache_doubles_the_tokens():
    whole, half = (memory_of(fleet(MIXTRAL, parallel={"tensor": 2}, kv_cache_dtype=d)) for d in ("auto", "fp8"))
    assert half.kv_tokens == pytest.approx(2 * whole.kv_tokens, rel=0.001)


def test_a_rank_holds_at_least_one_kv_head():
    facts = facts_of("Qwen/Qwen2.5-7B-Instruct")  # 4 KV heads
    four, eight = (
        memory_of(fleet("Qwen/Qwen2.5-7B-Instruct", parallel={"tensor": t})).kv_bytes_per_token for t in (4, 8)
    )
    assert four == eight == facts.caches[0].width / 4 * facts.layers * 2


def test_the_latent_of_mla_is_whole_on_every_rank():
    name = "deepseek-ai/DeepSeek-V2-Lite-Chat"
    one, two = (memory_of(fleet(name, parallel={"tensor": t})).kv_bytes_per_token for t in (1, 2))
    assert one == two == (512 + 64) * 27 * 2


def test_sequences_are_bounded_by_cache_and_batch():
    memory = memory_of(fleet(MISTRAL, max_model_len=8192, kv_cache_memory_bytes=10 * GIB))
    assert memory.sequences == 10
    assert memory.typical_sequences == 10 * 8192 // TYPICAL_TOKENS
    assert memory_of(fleet(MISTRAL, max_model_len=128)).sequences == 1024
    assert memory_of(fleet(MISTRAL, max_model_len=128, max_num_seqs=7)).sequences == 7


def test_a_typical_request_is_no_longer_than_the_context():
    memory = memory_of(fleet(MISTRAL, max_model_len=512, max_num_seqs=9999))
    assert memory.typical_tokens == 512
    assert memory.typical_sequences == memory.sequences


def windowed(facts, window):
    return replace(facts, caches=tuple(replace(cache, window=window) for cache in facts.caches))


def test_a_sliding_window_bounds_what_a_sequence_holds():
    options = {"max_model_len": 32_768, "max_num_seqs": 9999, "kv_cache_memory_bytes": 32 * GIB}
    spec = fleet(MISTRAL, **options)
    plain, window = memory_of(spec), memory_of(spec, windowed(facts_of(MISTRAL), 4096))
    assert plain.sequences == 8
    # A sequence keeps the window and one step of 8192 tokens, which is an H100's default.
    assert window.sequences == int(8 * 32_768 / (4095 + 8192))
    assert window.kv_tokens == pytest.approx(plain.kv_tokens * 32_768 / (4095 + 8192))


def test_layers_of_two_kinds_fill_whole_groups():
    facts = facts_of(MISTRAL)
    full, sliding = (replace(facts.caches[0], layers=n, window=w) for n, w in ((5, None), (27, 1024)))
    mixed = replace(facts, caches=(full, sliding))
    memory = memory_of(fleet(MISTRAL, max_model_len=32_768, kv_cache_memory_bytes=32 * GIB), mixed)
    # 27 layers count as 30, six groups of 5, and keep the window and a step.
    each = 2 * 8 * 128 * 2
    assert memory.kv_bytes_per_token * 32_768 == each * (5 * 32_768 + 30 * (1023 + 8192))


def test_every_data_parallel_copy_has_its_own_cache_and_batch():
    one = memory_of(fleet(MISTRAL, kv_cache_memory_bytes=GIB, max_model_len=1024))
    two = memory_of(fleet(MISTRAL, parallel={"data": 2}, kv_cache_memory_bytes=GIB, max_model_len=1024))
    assert (two.kv_tokens, two.sequences) == (2 * one.kv_tokens, 2 * one.sequences)
    assert two.spare_gib == one.spare_gib


# -- weights ---------------------------------------------------------------------------------------------------------


def weights(model, **parallel):
    return weight_bytes(facts_of(model), fleet(model, parallel=parallel).pools["p"])


def test_weights_of_one_device_are_all_parameters():
    assert weights(MIXTRAL) == 2 * 46_702_792_704


def test_experts_are_split_the_same_with_and_without_expert_parallelism():
    assert weights(MIXTRAL, tensor=2) == weights(MIXTRAL, tensor=2, expert=2)
    assert weights(MIXTRAL, tensor=2) == pytest.approx(weights(MIXTRAL) / 2, rel=1e-4)


def test_data_parallel_ranks_share_the_experts_only():
    facts = facts_of(MIXTRAL)
    routed = facts.moe_layers * facts.experts * facts.expert
    assert weights(MIXTRAL, data=2, expert=2) == pytest.approx(2 * (facts.parameters - routed / 2))
    assert weights(MIXTRAL, data=2) == weights(MIXTRAL)


def test_a_pipeline_splits_layers_and_leaves_each_end_one_embedding():
    facts = facts_of(LLAMA3_70B)
    layers = facts.parameters - facts.embeddings
    assert weights(LLAMA3_70B, pipeline=2) == pytest.approx(2 * (layers / 2 + facts.embeddings / 2), rel=1e-4)
    # 80 layers over 3 stages: one of them has 27.
    assert weights(LLAMA3_70B, pipeline=3) == pytest.approx(2 * (layers * 27 / 80 + facts.embeddings / 2), rel=1e-4)


@pytest.mark.parametrize(
    ("checkpoint", "options", "each"),
    [
        ({}, {}, 2.0),
        ({}, {"dtype": "float32"}, 4.0),
        ({"dtype": "float32"}, {}, 2.0),  # vLLM halves float32 checkpoints
        ({}, {"quantization": "fp8"}, 1.0),
        ({}, {"quantization": "awq_marlin"}, 0.53),
        ({}, {"quantization": "auto_gptq"}, 0.53),
        ({}, {"quantization": "something_new"}, 2.0),
        ({"quantised": "gptq", "quantised_bits": 8}, {}, 1.0),
        ({"quantised": "compressed-tensors", "quantised_bits": 4}, {}, 0.53),
        ({"quantised": "compressed-tensors", "quantised_bits": 8}, {"dtype": "float16"}, 1.0),
    ],
)
def test_bytes_per_weight(checkpoint, options, each):
    assert weight_bytes_each(replace(facts_of(MISTRAL), **checkpoint), options) == pytest.approx(each)


@pytest.mark.parametrize(
    ("options", "each"),
    [
        ({}, 2.0),
        ({"dtype": "float32"}, 4.0),
        ({"kv_cache_dtype": "fp8_e4m3"}, 1.0),
        ({"kv_cache_dtype": "bfloat16", "dtype": "float32"}, 2.0),
        ({"kv_cache_dtype": "int4_per_token_head"}, 0.5),
    ],
)
def test_bytes_per_number_in_the_cache(options, each):
    assert kv_bytes(facts_of(MISTRAL), options) == each
