"""The shipped config facts are the real models': exact parameter counts come out of them."""

from __future__ import annotations

import json

import pytest

from cluster.decoder import facts_from_config
from cluster.facts import UnknownModel, facts_of, shipped_models, source_of
from cluster.loading import PROJECT_ROOT
from cluster.model_facts import KNOWN_ARCHITECTURES

MIXTRAL = "mistralai/Mixtral-8x7B-Instruct-v0.1"
# As published with the checkpoints (the safetensors totals of their model pages).
PUBLISHED = {
    "meta-llama/Llama-2-7b-chat-hf": 6_738_415_616,
    "mistralai/Mistral-7B-Instruct-v0.3": 7_248_023_552,
    "meta-llama/Meta-Llama-3-8B-Instruct": 8_030_261_248,
    "meta-llama/Meta-Llama-3-70B-Instruct": 70_553_706_496,
    "meta-llama/Llama-3.3-70B-Instruct": 70_553_706_496,
    MIXTRAL: 46_702_792_704,
    "Qwen/Qwen2.5-7B-Instruct": 7_615_616_512,
    "Qwen/Qwen2.5-72B-Instruct": 72_706_203_648,
    "Qwen/Qwen3-1.7B": 1_720_574_976,
    "Qwen/Qwen3-8B": 8_190_735_360,
    "Qwen/Qwen3-32B": 32_762_123_264,
    "Qwen/Qwen3-30B-A3B": 30_532_122_624,
    "deepseek-ai/DeepSeek-R1-Distill-Qwen-7B": 7_615_616_512,
    "deepseek-ai/DeepSeek-R1-Distill-Llama-70B": 70_553_706_496,
    "deepseek-ai/DeepSeek-V2-Lite-Chat": 15_706_484_224,
}
FAMILIES_AT_LEAST = 30


def shipped(model):
    return json.loads((PROJECT_ROOT / "cluster" / "models" / f"{model.replace('/', '--')}.json").read_text())


def test_the_shipped_models_are_of_many_families():
    assert len({facts_of(model).architecture for model in shipped_models()}) >= FAMILIES_AT_LEAST


@pytest.mark.parametrize("model", shipped_models())
def test_every_shipped_model_has_an_exact_count_and_a_source(model):
    assert facts_of(model).is_counted
    assert source_of(model).startswith("https://")


@pytest.mark.parametrize("model", PUBLISHED)
def test_parameters_are_the_published_ones(model):
    assert facts_of(model).parameters == PUBLISHED[model]
    assert facts_of(model).architecture in KNOWN_ARCHITECTURES


@pytest.mark.parametrize("model", [m for m in shipped_models() if facts_of(m).architecture in KNOWN_ARCHITECTURES])
def test_the_parts_of_a_known_architecture_add_up_to_its_count(model):
    config = shipped(model)
    published = config.pop("parameters", None) or PUBLISHED[model]
    assert facts_from_config(config).parameters == published


@pytest.mark.parametrize("model", [m for m in shipped_models() if facts_of(m).architecture not in KNOWN_ARCHITECTURES])
def test_the_parts_of_other_architectures_are_near_their_count(model):
    config = shipped(model)
    # What is left is a vision tower, linear attention, gates and norms.
    assert facts_from_config(config | {"parameters": None}).parameters == pytest.approx(config["parameters"], rel=0.13)


QUICK = ("meta-llama/Llama-3.1-8B-Instruct", "Qwen/Qwen3-8B", "google/gemma-3-4b-it", MIXTRAL)
"""Their classes are built in seconds; those with hundreds of experts in a layer take a minute."""
COUNTED = [
    model if model in QUICK else pytest.param(model, marks=[pytest.mark.slow, pytest.mark.proof])
    for model in shipped_models()
    if "parameters" in shipped(model)
]


@pytest.mark.engine
@pytest.mark.parametrize("model", COUNTED)
def test_the_count_is_that_of_the_models_class(model):
    import torch
    from transformers import AutoConfig, AutoModelForCausalLM, AutoModelForImageTextToText

    config = shipped(model)
    for name in ("parameters", "source", "quantization_config"):
        config.pop(name, None)
    kind = config.pop("model_type")
    read = AutoConfig.for_model({"kimi_k2": "deepseek_v3"}.get(kind, kind), **config)
    if kind == "mistral4":  # transformers has its class, but its builders do not know it
        from transformers.models.mistral4 import Mistral4ForCausalLM

        build = Mistral4ForCausalLM._from_config
    else:
        build = (AutoModelForImageTextToText if "vision_config" in config else AutoModelForCausalLM).from_config
    with torch.device("meta"):
        built = build(read)
    built.tie_weights()
    assert sum(parameter.numel() for parameter in built.parameters()) == shipped(model)["parameters"]


# DeepSeek publishes 2.4: without the input and output embeddings' 0.4, of which the input's is only looked up.
@pytest.mark.parametrize(
    ("model", "billions"), [(MIXTRAL, 12.88), ("Qwen/Qwen3-30B-A3B", 3.35), ("deepseek-ai/DeepSeek-V2-Lite-Chat", 2.66)]
)
def test_active_parameters(model, billions):
    assert facts_of(model).active_parameters / 1e9 == pytest.approx(billions, rel=0.005)


@pytest.mark.parametrize("name", ["small", "moe", "large"])
def test_parameters_of_a_folder_are_those_of_its_weights(name):
    from safetensors import safe_open

    folder = PROJECT_ROOT / "demo" / "models" / name
    with safe_open(folder / "model.safetensors", "pt") as weights:
        stored = sum(weights.get_tensor(key).numel() for key in weights.keys())  # noqa: SIM118 (not a dict)
    assert facts_of(str(folder)).parameters == stored


def test_a_folder_of_a_new_architecture_is_counted_by_its_weights(tmp_path):
    source = PROJECT_ROOT / "demo" / "models" / "large"
    config = json.loads((source / "config.json").read_text()) | {"architectures": ["NewForCausalLM"]}
    (tmp_path / "config.json").write_text(json.dumps(config | {"intermediate_size": 1}))
    (tmp_path / "model.safetensors").symlink_to(source / "model.safetensors")
    facts = facts_of(str(tmp_path))
    assert facts.is_counted
    assert facts.parameters == facts_of(str(source)).parameters


# -- fields that are easily read wrongly -----------------------------------------------------------------------------

LLAMA = {
    "architectures": ["LlamaForCausalLM"],
    "hidden_size": 256,
    "intermediate_size": 512,
    "num_hidden_layers": 2,
    "num_attention_heads": 8,
    "vocab_size": 1000,
    "max_position_embeddings": 2048,
}


def test_a_window_that_is_switched_off_is_none():
    def window(facts):
        (cache,) = facts.caches
        return cache.window

    assert window(facts_of("deepseek-ai/DeepSeek-R1-Distill-Qwen-7B")) is None
    assert window(facts_from_config(LLAMA | {"sliding_window": 4096})) == 4096
    assert window(facts_of(str(PROJECT_ROOT / "demo" / "models" / "small"))) == 256


def test_tied_embeddings_count_once():
    tied, untied = (facts_from_config(LLAMA | {"tie_word_embeddings": tie}) for tie in (True, False))
    assert untied.parameters - tied.parameters == 1000 * 256


def test_old_configs_without_kv_heads_have_one_per_head():
    assert facts_from_config(LLAMA).kv_heads == 8


@pytest.mark.parametrize(
    ("scaling", "stretches"),
    [
        ({}, False),
        ({"rope_scaling": None}, False),
        ({"rope_parameters": {"rope_type": "default", "rope_theta": 10000.0}}, False),
        ({"rope_scaling": {"type": "yarn", "factor": 4}}, True),
        ({"rope_scaling": {"rope_type": "llama3"}}, True),
    ],
)
def test_scaled_positions_are_seen_in_old_and_new_configs(scaling, stretches):
    assert facts_from_config(LLAMA | scaling).stretches_context is stretches


@pytest.mark.parametrize(
    ("quantised", "method", "bits"),
    [
        ({"quant_method": "awq", "bits": 4}, "awq", 4),
        ({"quant_method": "gptq", "bits": 8}, "gptq", 8),
        ({"quant_method": "fp8"}, "fp8", None),
        (
            {"quant_method": "compressed-tensors", "config_groups": {"group_0": {"weights": {"num_bits": 4}}}},
            "compressed-tensors",
            4,
        ),
    ],
)
def test_quantised_checkpoints_say_how(quantised, method, bits):
    facts = facts_from_config(LLAMA | {"quantization_config": quantised})
    assert (facts.quantised, facts.quantised_bits) == (method, bits)


# -- what is not known -----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "config",
    [
        "{}",
        '{"hidden_size": "x"}',
        "[]",
        "not json",
        json.dumps(LLAMA | {"num_attention_heads": 0}),
        json.dumps(LLAMA | {"num_hidden_layers": -1}),
        json.dumps(LLAMA | {"quantization_config": "fp8"}),
        '{"text_config": {}, "vision_config": {}}',
    ],
)
def test_a_broken_config_is_said_plainly(tmp_path, config):
    (tmp_path / "config.json").write_text(config)
    with pytest.raises(UnknownModel, match=r"config\.json") as said:
        facts_of(str(tmp_path))
    assert "Error" not in str(said.value)
    assert "use " in str(said.value)


def test_a_missing_field_is_named(tmp_path):
    (tmp_path / "config.json").write_text('{"architectures": ["LlamaForCausalLM"]}')
    with pytest.raises(UnknownModel, match="lacks hidden_size, which every decoder has"):
        facts_of(str(tmp_path))


def test_an_unknown_kind_of_layer_is_not_counted_as_another(tmp_path):
    (tmp_path / "config.json").write_text(json.dumps(LLAMA | {"layer_types": ["full_attention", "telepathy"]}))
    with pytest.raises(UnknownModel, match="telepathy"):
        facts_of(str(tmp_path))


@pytest.mark.parametrize("model", ["nobody/nothing", "../models/x", "a\0b", "x" * 5000, ""])
def test_unknown_names_are_said_plainly(model, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    with pytest.raises(UnknownModel):
        facts_of(model)


def test_a_folder_without_config_is_said_plainly(tmp_path):
    with pytest.raises(UnknownModel, match=r"has no config\.json: use a folder that save_pretrained wrote"):
        facts_of(str(tmp_path))
