"""Facts of a decoder from the fields of its transformers config.json."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

from cluster.layer_kinds import cache_layers
from cluster.model_facts import ModelFacts
from cluster.moe_layers import experts_in

NESTED = ("text_config", "language_config", "llm_config")
"""Where configs of models that also see or hear keep the fields of their decoder."""
DEFAULTS: dict[str, dict[str, Any]] = {
    "gemma3_text": {
        "vocab_size": 262_208,
        "num_attention_heads": 8,
        "num_key_value_heads": 4,
        "head_dim": 256,
        "max_position_embeddings": 131_072,
        "tie_word_embeddings": True,
    },
    "gemma2": {"tie_word_embeddings": True},
    "cohere2": {"tie_word_embeddings": True},
    "lfm2": {"tie_word_embeddings": True},
}
"""Fields that published configs of a model type leave out, by the classes of transformers 5.19."""


def facts_from_config(config: Mapping[str, Any]) -> ModelFacts:
    """Facts from the fields of a transformers config.json.

    Raises:
        KeyError: a field is missing; its name is the exception's argument.
        TypeError, ValueError, AttributeError, ArithmeticError: a field is not what it is in a decoder's config.
    """
    config = flat(config)
    hidden, layers, heads = config["hidden_size"], config["num_hidden_layers"], config["num_attention_heads"]
    kv_heads = config.get("num_key_value_heads") or heads
    head = config.get("head_dim") or config.get("attention_head_dim") or hidden // heads
    dense_mlp = _mlp_matrices(config) * hidden * int(config.get("intermediate_size_mlp") or _mlp_width(config))
    moe = experts_in(config, _mlp_matrices(config))
    is_mla = bool(config.get("kv_lora_rank"))
    tied = bool(config.get("tie_word_embeddings"))
    quantised = config.get("quantization_config") or {}
    return ModelFacts(
        layers=layers,
        heads=heads,
        kv_heads=kv_heads,
        attention=_mla_parameters(config) if is_mla else _attention_parameters(hidden, heads, kv_heads, head),
        mlp=moe.shared if moe else dense_mlp,
        expert=moe.expert if moe else 0,
        experts=moe.experts if moe else 0,
        experts_per_token=moe.per_token if moe else 0,
        moe_layers=moe.layers if moe else 0,
        dense_mlp=dense_mlp,
        embeddings=config["vocab_size"] * hidden * (1 if tied else 2),
        small=layers * _norms_and_biases(config, heads, kv_heads, head) + hidden,
        head_size=head,
        vocabulary=config["vocab_size"],
        lora_width=4 * hidden + (2 * heads + 2 * kv_heads) * head + 3 * (hidden + _mlp_width(config)),
        caches=cache_layers(config, kv_heads, head),
        is_mla=is_mla,
        ties_embeddings=tied,
        max_context_tokens=config["max_position_embeddings"],
        stretches_context=_stretches_context(config),
        dtype=str(config.get("torch_dtype") or config.get("dtype") or "bfloat16"),
        quantised=quantised.get("quant_method"),
        quantised_bits=_bits(quantised),
        quantised_group=_group(quantised),
        quantises_experts_only=bool(moe) and any("self_attn" in name for name in _kept_plain(quantised)),
        expert_padding=_padding(config) if moe and quantised.get("quant_method") == "mxfp4" else 1.0,
        architecture=str((config.get("architectures") or ["unknown"])[0]),
        published=config.get("parameters"),
    )


def flat(config: Mapping[str, Any]) -> dict[str, Any]:
    """A config with the decoder's fields on top, where a model that also sees or hears nests them."""
    nested: dict[str, Any] = next((config[name] for name in NESTED if isinstance(config.get(name), dict)), {})
    merged: dict[str, Any] = {name: value for name, value in config.items() if name not in NESTED} | nested
    if config.get("architectures"):
        merged["architectures"] = config["architectures"]
    defaults: Mapping[str, Any] = DEFAULTS.get(str(merged.get("model_type")), {})
    return {**defaults, **merged}


def _mlp_width(config: Mapping[str, Any]) -> int:
    """Of a layer's MLP; models with experts in every layer write only theirs."""
    return int(config.get("intermediate_size") or config["moe_intermediate_size"])


def _mlp_matrices(config: Mapping[str, Any]) -> int:
    """Three with a gate; squared ReLU has none."""
    return 2 if config.get("mlp_hidden_act") == "relu2" else 3


def _attention_parameters(hidden: int, heads: int, kv_heads: int, head: int) -> int:
    """Query and output projections over all heads, key and value over the KV heads (grouped-query attention)."""
    return 2 * hidden * heads * head + 2 * hidden * kv_heads * head


def _mla_parameters(config: Mapping[str, Any]) -> int:
    """Multi-head latent attention (DeepSeek-V2, arXiv 2405.04434, section 2.1): queries (possibly through a low rank),
    the latent shared by all heads, its expansion, the output."""
    hidden, heads = config["hidden_size"], config["num_attention_heads"]
    query_head = config["qk_nope_head_dim"] + config["qk_rope_head_dim"]
    rank = config.get("q_lora_rank")
    query = rank * (hidden + heads * query_head) if rank else hidden * heads * query_head
    latent = hidden * (config["kv_lora_rank"] + config["qk_rope_head_dim"])
    expansion = config["kv_lora_rank"] * heads * (config["qk_nope_head_dim"] + config["v_head_dim"])
    output: int = heads * config["v_head_dim"] * hidden
    return int(query + latent + expansion + output)


def _norms_and_biases(config: Mapping[str, Any], heads: int, kv_heads: int, head: int) -> int:
    """Of one layer: two norms; Qwen2's query, key and value biases; Qwen3's query and key norms; MLA's latent norms."""
    kind = str(config.get("architectures") or config.get("model_type") or "").lower()
    biases = (heads + 2 * kv_heads) * head if "qwen2" in kind else 0
    head_norms = 2 * head if "qwen3" in kind else 0
    latent_norms = (config.get("kv_lora_rank") or 0) + (config.get("q_lora_rank") or 0)
    return int(2 * config["hidden_size"] + biases + head_norms + latent_norms)


def _stretches_context(config: Mapping[str, Any]) -> bool:
    scaling = config.get("rope_scaling") or config.get("rope_parameters") or {}
    kinds = [part for part in scaling.values() if isinstance(part, dict)] or [scaling]
    return any(kind.get("rope_type", kind.get("type", "default")) not in ("default", "proportional") for kind in kinds)


def _bits(quantised: Mapping[str, Any]) -> int | None:
    """Bits per weight: AWQ and GPTQ write `bits`, compressed-tensors a group of layers with its `num_bits`."""
    if quantised.get("bits"):
        return int(quantised["bits"])
    groups = [group.get("weights") or {} for group in (quantised.get("config_groups") or {}).values()]
    return max((int(weights["num_bits"]) for weights in groups if weights.get("num_bits")), default=None)


def _group(quantised: Mapping[str, Any]) -> int:
    """Weights that share a scale; 128 where it is not said."""
    groups = [group.get("weights") or {} for group in (quantised.get("config_groups") or {}).values()]
    sizes = [int(quantised.get("group_size") or 0), *(int(weights.get("group_size") or 0) for weights in groups)]
    return min((size for size in sizes if size > 0), default=128)


def _kept_plain(quantised: Mapping[str, Any]) -> list[str]:
    """Names of the modules that a checkpoint does not quantise."""
    return [str(name) for name in quantised.get("modules_to_not_convert") or quantised.get("ignore") or ()]


def _padding(config: Mapping[str, Any]) -> float:
    """Of an expert of MXFP4 in Marlin's tiles.

    Source: `mxfp4_round_up_hidden_size_and_intermediate_size` in vLLM 0.32.
    """
    hidden, width = config["hidden_size"], config.get("moe_intermediate_size") or config["intermediate_size"]
    return float(math.ceil(hidden / 256) * 256 * math.ceil(width / 128) * 128 / (hidden * width))
