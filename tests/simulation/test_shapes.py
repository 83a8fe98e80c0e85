"""A pool's speed and memory come from its spec; if they cannot, the error tells why."""

from __future__ import annotations

import pytest

from cluster.loading import PROJECT_ROOT, load_spec
from cluster.spec import FleetSpec
from simulation.shapes import NotSimulated, engine_shape

EXAMPLES = PROJECT_ROOT / "examples"


def spec(model="meta-llama/Meta-Llama-3-70B-Instruct", device="H100", parallel=None, options=None, **pool):
    engine = {"kind": "vllm", "options": {"max_model_len": 8192, **(options or {})}}
    fields = {"tier": "large", "model": model, "engine": engine, "parallel": parallel or {"tensor": 4}, **pool}
    hardware = {"node": {"device": device, "devices_per_node": 8}}
    return FleetSpec.model_validate({"hardware": hardware, "pools": {"large": fields}})


def step_ms(shape, batch, context=600):
    return 1e3 * shape.times.decode_s(batch, batch * context)


@pytest.mark.parametrize(
    ("device", "tensor", "batch", "measured_ms"),
    [("H100", 4, 1, 29.5), ("H100", 4, 32, 36.9), ("A100-80G", 8, 16, 50.4)],
)
def test_llama_70b_steps_as_measured(device, tensor, batch, measured_ms):
    shape = engine_shape(spec(device=device, parallel={"tensor": tensor}), "large")
    assert step_ms(shape, batch) == pytest.approx(measured_ms, rel=0.12)


@pytest.mark.parametrize(("tokens", "measured_s"), [(512, 0.060), (2_048, 0.201), (8_192, 0.954)])
def test_llama_70b_prompts_as_measured(tokens, measured_s):
    shape = engine_shape(spec(options={"max_num_batched_tokens": 8_192}), "large")
    assert shape.unloaded_ttft_s(tokens) == pytest.approx(measured_s, rel=0.25)


def test_smaller_models_and_quicker_devices_are_faster():
    small = engine_shape(spec("mistralai/Mistral-7B-Instruct-v0.3", parallel={"tensor": 1}), "large")
    slow = engine_shape(spec("mistralai/Mistral-7B-Instruct-v0.3", device="A10G", parallel={"tensor": 1}), "large")
    large = engine_shape(spec(), "large")
    assert step_ms(small, 8) < step_ms(slow, 8)
    assert step_ms(small, 8) < step_ms(large, 8)
    assert small.unloaded_ttft_s(1_000) < slow.unloaded_ttft_s(1_000) < large.unloaded_ttft_s(8_000)


def test_a_mixture_reads_the_experts_that_its_sequences_are_sent_to():
    mixtral = spec("mistralai/Mixtral-8x7B-Instruct-v0.1", parallel={"tensor": 2, "expert": 2})
    times = engine_shape(mixtral, "large").times
    assert times.decode_weights_s[1] < times.decode_weights_s[4] < times.decode_weights_s[64]
    assert times.decode_weights_s[64] == pytest.approx(times.prefill_weights_s, rel=1e-3)
    dense = engine_shape(spec(), "large").times
    assert len(set(dense.decode_weights_s)) == 1


def test_memory_and_limits_are_the_specs():
    shape = engine_shape(
        spec(
            options={
                "max_num_seqs": 7,
                "max_num_batched_tokens": 900,
                "block_size": 32,
                "enable_chunked_prefill": False,
            }
        ),
        "large",
    )
    assert (shape.max_num_seqs, shape.max_num_batched_tokens, shape.block_tokens) == (7, 900, 32)
    assert shape.max_context_tokens == 8_192
    assert shape.kv_tokens == pytest.approx(480_000, rel=0.02)
    assert not shape.chunked
    usual = engine_shape(spec(), "large")
    assert usual.chunked
    assert usual.max_num_batched_tokens == 8_192


def test_a_simulated_engine_has_its_own_rates():
    options = {"prefill_tokens_per_s": 1_000, "decode_tokens_per_s": 50, "kv_capacity_tokens": 9_000, "max_num_seqs": 3}
    pool = {"tier": "small", "model": "m", "engine": {"kind": "simulated", "options": options}}
    shape = engine_shape(FleetSpec.model_validate({"pools": {"small": pool}}), "small")
    assert shape.times.decode_s(3, 5_000) == pytest.approx(0.02)
    assert shape.unloaded_ttft_s(500) == pytest.approx(0.52)
    assert (shape.kv_tokens, shape.max_num_seqs) == (9_000, 3)


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.yaml")), ids=lambda path: path.stem)
def test_all_examples_have_shapes(path):
    fleet = load_spec(path)
    for name in fleet.pools:
        shape = engine_shape(fleet, name)
        assert shape.kv_tokens >= shape.max_context_tokens
        assert 0 < step_ms(shape, 1) < 1_000


@pytest.mark.parametrize(
    ("fleet", "problem"),
    [
        (spec(parallel={"tensor": 1}), "pools.large: lacks .* GiB per device .* see `signalbox check`"),
        (spec(model="nobody/knows"), "pools.large.model: no built-in facts for 'nobody/knows'"),
    ],
)
def test_what_cannot_be_simulated_is_said(fleet, problem):
    with pytest.raises(NotSimulated, match=problem):
        engine_shape(fleet, "large")


def test_a_remote_pool_has_no_shape():
    engine = {"kind": "remote", "options": {"base_url": "http://127.0.0.1:1/v1"}}
    fleet = FleetSpec.model_validate({"pools": {"far": {"tier": "large", "model": "m", "engine": engine}}})
    with pytest.raises(NotSimulated, match=r"pools\.far: is remote"):
        engine_shape(fleet, "far")
