"""Combinations of engine, layout, model and device that would not run, or would silently do less, are refused."""

from __future__ import annotations

import json

import pytest
from pydantic import ValidationError

from cluster.adapters import adapter_problems, max_lora_rank
from cluster.explain import explain
from cluster.facts import facts_of
from cluster.memory import pool_memory
from cluster.placing import draft_problems, placement_problems
from cluster.pool import PoolSpec
from cluster.spec import FleetSpec
from deployments.preflight import check_fleet

MISTRAL = "mistralai/Mistral-7B-Instruct-v0.3"
MIXTRAL = "mistralai/Mixtral-8x7B-Instruct-v0.1"


def pool_of(**fields):
    return {"tier": "large", "model": "org/model", **fields}


def engine(kind, **options):
    return {"engine": {"kind": kind, "options": options}}


@pytest.mark.parametrize(
    ("fields", "field", "said"),
    [
        (engine("deepspeed", quant={"enabled": True}), "engine.options.quant", "has no effect in init_inference"),
        (engine("deepspeed", moe={"ep_size": 2}), "engine.options.moe", "use the pool's parallel"),
        (
            engine("deepspeed", replace_with_kernel_inject=True),
            "engine.options.replace_with_kernel_inject",
            "remove it",
        ),
        (engine("deepspeed", enable_cuda_graph=True), "engine.options.enable_cuda_graph", "needs kernel injection"),
        (engine("deepspeed", tensor_parallel={"tp_size": 2}), "engine.options.tensor_parallel", "parallel.tensor"),
        (engine("deepspeed", zero={"stage": 3}), "engine.options.zero", "use zero_offload: cpu"),
        (engine("deepspeed", zero_offload="nvme"), "engine.options.zero_offload", "cpu (weights in host memory)"),
        (engine("deepspeed", kv_budget=1), "engine.options.kv_budget", "kv_budget_tokens"),
        (
            engine("transformers", zero_offload="cpu"),
            "engine.options.zero_offload",
            "not an argument of the transformers",
        ),
        (engine("transformers", trust_remote_code="yes"), "engine.options.trust_remote_code", "true or false"),
        ({**engine("transformers"), "parallel": {"tensor": 2}}, "parallel", "is one process"),
        ({**engine("deepspeed"), "parallel": {"pipeline": 2}}, "parallel.pipeline", "no pipeline stages: use 1"),
        ({**engine("deepspeed"), "parallel": {"tensor": 2, "data": 2}}, "parallel", "by tensor or by data"),
        ({**engine("deepspeed"), "parallel": {"tensor": 2, "expert": 2}}, "parallel", "use {data: 2, expert: 2}"),
        (
            {**engine("deepspeed", zero_offload="cpu"), "parallel": {"tensor": 2}},
            "parallel",
            "ZeRO spreads weights over data-parallel ranks",
        ),
        ({**engine("deepspeed"), "capabilities": ["tools"]}, "capabilities", "has no tools"),
        ({**engine("transformers"), "adapters": {"a": "b"}}, "adapters", "the transformers engine has none"),
        ({**engine("deepspeed"), "speculation": {"method": "ngram"}}, "speculation", "the deepspeed engine has none"),
        ({"speculation": {"method": "ngram", "model": "small"}}, "speculation.model", "remove it"),
        ({"speculation": {"tokens": 4}}, "speculation.model", "use a pool's name, a folder or a hub id"),
        ({"speculation": {"method": "guess", "model": "x"}}, "speculation.method", "draft_model"),
        ({"speculation": {"method": "ngram", "tokens": 0}}, "speculation.tokens", "1"),
        (engine("vllm", speculative_config={}), "engine.options.speculative_config", "use speculation instead"),
        (engine("vllm", enable_lora=True), "engine.options.enable_lora", "use adapters instead"),
        (engine("vllm", lora_modules=[]), "engine.options.lora_modules", "use adapters instead"),
        ({"adapters": {"auto": "org/adapter"}}, "adapters", "already means"),
    ],
)
def test_a_spec_that_cannot_be_is_refused(fields, field, said):
    with pytest.raises(ValidationError) as raised:
        FleetSpec.model_validate({"pools": {"p": pool_of(**fields)}})
    (problem,) = explain(raised.value)
    assert problem.startswith(f"pools.p.{field}:")
    assert said in problem


@pytest.mark.parametrize(
    ("model", "fields", "field", "said"),
    [
        (MISTRAL, engine("vllm", quantization="bitsandbytes"), "engine.options.quantization", "runs on GPUs only"),
        (MISTRAL, engine("vllm", quantization="fp8"), "engine.options.quantization", "cannot turn weights into fp8"),
        (MISTRAL, engine("vllm", quantization="mxfp8"), "engine.options.quantization", "int8_per_channel_weight_only"),
        (MISTRAL, engine("vllm", enable_sleep_mode=True), "engine.options.enable_sleep_mode", "no sleep mode"),
        (MISTRAL, engine("vllm", block_size=16), "engine.options.block_size", "multiple of 32"),
        (MIXTRAL, {"adapters": {"a": "org/a"}}, "adapters", "no adapters for a mixture of experts"),
    ],
)
def test_what_only_gpus_can_is_refused_on_cpu_and_there_alone(model, fields, field, said):
    for device, refused in (("cpu", True), ("H100", False)):
        hardware = {"node": {"device": device, "devices_per_node": 4, "memory_gib": 200.0}}
        spec = FleetSpec.model_validate({"pools": {"p": pool_of(**fields)}, "hardware": hardware})
        problems = placement_problems(spec, "p", facts_of(model))
        assert (said in problems.get(field, "")) is refused, (device, problems)


def test_deepspeed_leaves_experts_whole_under_tensor_parallelism():
    hardware = {"node": {"device": "H100", "devices_per_node": 8}}
    fields = pool_of(**engine("deepspeed"), parallel={"tensor": 2})
    spec = FleetSpec.model_validate({"pools": {"p": fields}, "hardware": hardware})
    assert "use {data: 2, expert: 2}" in placement_problems(spec, "p", facts_of(MIXTRAL))["parallel.tensor"]
    assert placement_problems(spec, "p", facts_of(MISTRAL)) == {}


@pytest.mark.parametrize("kind", ["deepspeed", "transformers"])
def test_quantised_checkpoints_are_for_vllm(tmp_path, kind):
    config = json.loads((model_folder("large") / "config.json").read_text())
    (tmp_path / "config.json").write_text(
        json.dumps(config | {"quantization_config": {"quant_method": "awq", "bits": 4}})
    )
    spec = FleetSpec.model_validate({"pools": {"p": pool_of(**engine(kind), model=str(tmp_path))}})
    assert "use kind vllm" in placement_problems(spec, "p", facts_of(str(tmp_path)))["model"]


def model_folder(name):
    from demo.architectures import MODELS_FOLDER

    return MODELS_FOLDER / name


def test_a_head_size_without_a_kernel_is_refused_on_cpu(tmp_path):
    config = json.loads((model_folder("large") / "config.json").read_text())
    (tmp_path / "config.json").write_text(json.dumps(config | {"head_dim": 16}))
    spec = FleetSpec.model_validate({"pools": {"p": pool_of(model=str(tmp_path))}})
    assert "heads of size 16" in placement_problems(spec, "p", facts_of(str(tmp_path)))["model"]


def test_a_draft_needs_the_models_vocabulary():
    assert draft_problems(facts_of("demo/models/large"), facts_of("demo/models/small")) == {}
    problems = draft_problems(facts_of(MIXTRAL), facts_of("demo/models/small"))
    assert "of the same family" in problems["speculation.model"]


# -- memory ------------------------------------------------------------------------------------------------------------


def test_a_draft_takes_its_weights_and_its_cache():
    speculating = pool_of(model=MISTRAL, served_name="faster", speculation={"model": "small"})
    fleet = {"small": pool_of(tier="small", model=MISTRAL), "p": speculating}
    hardware = {"node": {"device": "A100-80G", "devices_per_node": 2}}
    checked = check_fleet(FleetSpec.model_validate({"pools": fleet, "hardware": hardware})).memory
    assert checked["p"].weights_gib == pytest.approx(2 * checked["small"].weights_gib)
    assert checked["p"].kv_bytes_per_token == 2 * checked["small"].kv_bytes_per_token
    assert checked["p"].kv_tokens < checked["small"].kv_tokens / 2


def write_adapter(folder, rank):
    folder.mkdir()
    (folder / "adapter_config.json").write_text(json.dumps({"r": rank}))
    return str(folder)


def test_adapters_take_memory_by_rank_and_number(tmp_path):
    hardware = {"node": {"device": "A100-80G"}}
    sizes = []
    for adapters in ({}, {"a": 8}, {"a": 8, "b": 8}, {"a": 8, "b": 20}):
        folder = tmp_path / str(len(sizes))
        folder.mkdir()
        paths = {name: write_adapter(folder / name, rank) for name, rank in adapters.items()}
        spec = FleetSpec.model_validate({"pools": {"p": pool_of(model=MISTRAL, adapters=paths)}, "hardware": hardware})
        sizes.append(pool_memory(facts_of(MISTRAL), spec.pools["p"], spec.hardware["node"]).weights_gib)
    # Rank 8 on every matrix of Mistral-7B: 8 x 32 layers x 81,920 inputs and outputs x 2 bytes, 40 MiB.
    assert sizes[1] - sizes[0] == pytest.approx(8 * 32 * 81_920 * 2 / 2**30)
    assert sizes[2] - sizes[0] == pytest.approx(2 * (sizes[1] - sizes[0]))
    assert sizes[3] - sizes[0] == pytest.approx(8 * (sizes[1] - sizes[0]))  # vLLM rounds rank 20 up to 32


@pytest.mark.parametrize(("content", "said"), [(None, "has no adapter_config.json"), ("{}", "rank `r`"),
                                               ('{"r": 4000}', "vLLM supports 1 to 512")])  # fmt: skip
def test_folders_that_are_no_adapters(tmp_path, content, said):
    if content is not None:
        (tmp_path / "adapter_config.json").write_text(content)
    spec = FleetSpec.model_validate({"pools": {"p": pool_of(model="demo/models/small", adapters={"a": str(tmp_path)})}})
    assert said in adapter_problems(spec.pools["p"])["adapters.a"]
    assert any(said in problem for problem in check_fleet(spec).problems)


def test_an_adapter_may_not_exceed_the_written_rank(tmp_path):
    path = write_adapter(tmp_path / "a", 64)
    pool = PoolSpec.model_validate(pool_of(adapters={"a": path}, **engine("vllm", max_lora_rank=16)))
    assert "at least 64, the rank of a" in adapter_problems(pool)["engine.options.max_lora_rank"]
    assert max_lora_rank(PoolSpec.model_validate(pool_of(adapters={"a": path, "b": "org/b"}))) == 64


def test_zero_and_other_engines_are_counted():
    facts = facts_of("demo/models/large")
    hardware = {"gpu": {"device": "A100-80G", "devices_per_node": 4}, "cpu": {"device": "cpu", "memory_gib": 4.0}}
    weights = {}
    for name, fields in {
        "whole": engine("transformers"),
        "spread": {**engine("deepspeed", zero_offload="none"), "parallel": {"data": 2}},
        "offloaded": engine("deepspeed", zero_offload="cpu"),
    }.items():
        spec = FleetSpec.model_validate({"pools": {"p": pool_of(hardware="gpu", **fields)}, "hardware": hardware})
        weights[name] = pool_memory(facts, spec.pools["p"], spec.hardware["gpu"]).weights_gib
    assert weights["spread"] == pytest.approx(weights["whole"] / 2)
    assert weights["offloaded"] < weights["whole"]
    asked = pool_of(**engine("deepspeed", kv_budget_tokens=16384, dtype="float32", max_model_len=1024))
    spec = FleetSpec.model_validate({"pools": {"p": asked}})
    memory = pool_memory(facts, spec.pools["p"], spec.hardware["cpu"])
    assert (memory.kv_tokens, memory.sequences) == (16384, 16)


@pytest.mark.parametrize(
    ("routing", "field"),
    [
        ({"shadow": {"pool": "lage", "share": 0.1}}, "routing.shadow.pool"),
        ({"learn": {"judge": "lage"}}, "routing.learn.judge"),
    ],
)
def test_pools_that_do_not_exist_are_named(routing, field):
    with pytest.raises(ValidationError) as caught:
        FleetSpec.model_validate({"pools": {"large": pool_of()}, "routing": routing})
    assert f"{field}: invalid value 'lage', did you mean 'large'?" in explain(caught.value)
