"""Facts of a model from its config.json: parameter counts and KV cache size, without loading any weights."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any, cast

KNOWN_ARCHITECTURES = frozenset(
    f"{family}ForCausalLM"
    for family in ("Llama", "Mistral", "Mixtral", "Qwen2", "Qwen3", "Qwen3Moe", "DeepseekV2", "DeepseekV3")
)
"""Architectures whose counts are exact here, held by tests against published counts or saved weights."""


class UnknownModel(Exception):
    """Nothing is known about a model; the message says where facts would come from."""


class NotAModel(UnknownModel):
    """A folder on this machine that no engine can load."""


@dataclass(frozen=True)
class ModelFacts:
    """Sizes of a decoder-only transformer. Counts are parameters, not bytes."""

    layers: int
    heads: int
    kv_heads: int
    attention: int
    """Parameters of attention in one layer."""
    mlp: int
    """Parameters of a layer's router and shared experts, without its routed experts. In a layer without experts: of the
    MLP."""
    expert: int
    """Parameters of one routed expert; 0 without experts."""
    experts: int
    experts_per_token: int
    moe_layers: int
    """Layers with routed experts; the other layers have a dense MLP."""
    dense_mlp: int
    """Parameters of the MLP in a layer without experts."""
    embeddings: int
    """Parameters of input and output embeddings."""
    small: int
    """Parameters of norms and biases in all layers: never split nor quantised."""
    head_size: int
    vocabulary: int
    """Rows of the embeddings."""
    lora_width: int
    """Inputs plus outputs of all matrices of a layer that adapters can change: attention and, without experts, the
    MLP."""
    kv_width: int
    """Numbers the KV cache holds per token and layer: 2 x kv_heads x head size, or the latent of MLA."""
    is_mla: bool
    ties_embeddings: bool
    """Whether input and output embeddings are one matrix."""
    sliding_window: int | None
    """Tokens back that attention sees; None when it sees them all."""
    max_context_tokens: int
    stretches_context: bool
    """Whether the config scales positions (YaRN and the like), so that `max_context_tokens` is not the last word."""
    dtype: str
    quantised: str | None
    """Quantisation method of the checkpoint itself."""
    quantised_bits: int | None
    """Bits per weight of the checkpoint, where its config says so."""
    architecture: str
    """The first of the config's architectures."""

    @property
    def parameters(self) -> int:
        """All parameters."""
        moe = self.moe_layers * (self.mlp + self.experts * self.expert)
        dense = (self.layers - self.moe_layers) * self.dense_mlp
        return self.layers * self.attention + moe + dense + self.embeddings + self.small

    @property
    def active_parameters(self) -> int:
        """Parameters that one token passes through."""
        return self.parameters - self.moe_layers * (self.experts - self.experts_per_token) * self.expert


def facts_of(model: str) -> ModelFacts:
    """Facts of a model folder, or of a hub id whose config ships with Signalbox.

    Raises:
        NotAModel: a folder, but its config.json is missing or names no architecture.
        UnknownModel: neither a folder with a config.json of a decoder nor a known hub id.
    """
    config = _config_of(model)
    try:
        facts = facts_from_config(config)
    except (KeyError, TypeError, ValueError, AttributeError, ArithmeticError, RecursionError) as error:
        raise UnknownModel(f"the config.json of '{model}' is not one of a known decoder ({error!r})") from error
    if min(facts.layers, facts.heads, facts.kv_heads, facts.kv_width, facts.max_context_tokens) < 1:
        raise UnknownModel(f"the config.json of '{model}' has sizes below 1")
    return facts


def _config_of(model: str) -> dict[str, Any]:
    try:
        folder = Path(model)
        if folder.is_dir():
            return _config_in(folder)
        text = (files("cluster") / "models" / f"{model.replace('/', '--')}.json").read_text()
    except FileNotFoundError as error:
        raise UnknownModel(
            f"no built-in facts for '{model}': download its config.json and use the folder's path"
        ) from error
    except (OSError, ValueError) as error:
        raise UnknownModel(f"the config.json of '{model}' cannot be read ({error})") from error
    return cast("dict[str, Any]", json.loads(text))


def _config_in(folder: Path) -> dict[str, Any]:
    if not (folder / "config.json").exists():
        if (folder / "params.json").exists():
            raise UnknownModel(f"{folder} has a params.json: its sizes are read from a config.json only")
        raise NotAModel(f"{folder} has no config.json: use a folder that save_pretrained wrote")
    try:
        config = json.loads((folder / "config.json").read_text())
    except (ValueError, RecursionError) as error:
        raise NotAModel(
            f"{folder}/config.json is not JSON ({error}): use a folder that save_pretrained wrote"
        ) from error
    if not isinstance(config, dict) or not {"architectures", "model_type"} & config.keys():
        raise NotAModel(f"{folder}/config.json names no architecture: use a folder that save_pretrained wrote")
    return config


def facts_from_config(config: Mapping[str, Any]) -> ModelFacts:
    """Facts from the fields of a transformers config.json.

    Raises:
        KeyError, TypeError, ValueError, AttributeError, ArithmeticError: the config is not one of a plain decoder.
    """
    hidden, layers, heads = config["hidden_size"], config["num_hidden_layers"], config["num_attention_heads"]
    kv_heads = config.get("num_key_value_heads") or heads
    head = config.get("head_dim") or hidden // heads
    experts = next((config[k] for k in ("num_local_experts", "num_experts", "n_routed_experts") if config.get(k)), 0)
    expert_width = config.get("moe_intermediate_size") or config["intermediate_size"]
    dense_mlp = 3 * hidden * config["intermediate_size"]
    shared = 3 * hidden * expert_width * (config.get("n_shared_experts") or 0)
    is_mla = bool(config.get("kv_lora_rank"))
    tied = bool(config.get("tie_word_embeddings"))
    quantised = config.get("quantization_config") or {}
    return ModelFacts(
        layers=layers,
        heads=heads,
        kv_heads=kv_heads,
        attention=_mla_parameters(config) if is_mla else _attention_parameters(hidden, heads, kv_heads, head),
        mlp=shared + hidden * experts if experts else dense_mlp,
        expert=3 * hidden * expert_width if experts else 0,
        experts=experts,
        experts_per_token=config.get("num_experts_per_tok", 0) if experts else 0,
        moe_layers=layers - (config.get("first_k_dense_replace") or 0) if experts else 0,
        dense_mlp=dense_mlp,
        embeddings=config["vocab_size"] * hidden * (1 if tied else 2),
        small=layers * _norms_and_biases(config, heads, kv_heads, head) + hidden,
        head_size=head,
        vocabulary=config["vocab_size"],
        lora_width=4 * hidden + (2 * heads + 2 * kv_heads) * head + 3 * (hidden + config["intermediate_size"]),
        kv_width=config["kv_lora_rank"] + config["qk_rope_head_dim"] if is_mla else 2 * kv_heads * head,
        is_mla=is_mla,
        ties_embeddings=tied,
        # Qwen writes a window and switches it off.
        sliding_window=config.get("sliding_window") if config.get("use_sliding_window", True) else None,
        max_context_tokens=config["max_position_embeddings"],
        stretches_context=_stretches_context(config),
        dtype=str(config.get("torch_dtype") or config.get("dtype") or "bfloat16"),
        quantised=quantised.get("quant_method"),
        quantised_bits=_bits(quantised),
        architecture=str((config.get("architectures") or ["unknown"])[0]),
    )


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
    return bool(scaling.get("rope_type", scaling.get("type", "default")) != "default")


def _bits(quantised: Mapping[str, Any]) -> int | None:
    """Bits per weight: AWQ and GPTQ write `bits`, compressed-tensors a group of layers with its `num_bits`."""
    if quantised.get("bits"):
        return int(quantised["bits"])
    groups = [group.get("weights") or {} for group in (quantised.get("config_groups") or {}).values()]
    return max((int(weights["num_bits"]) for weights in groups if weights.get("num_bits")), default=None)
