"""What each layer of a model keeps of a sequence, read from the fields of its config.json.

Families name the kinds of their layers in several ways: a list (`layer_types`), a pattern of letters, a period.
Source: the configuration classes of transformers 5.19.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from cluster.model_facts import CacheLayers

FULL = ("full_attention", "attention", "*", "global_attention")
WINDOW = ("sliding_attention", "chunked_attention", "local_attention")
LINEAR = ("linear_attention", "mamba", "M", "conv", "hybrid")
NONE = ("mlp", "moe", "-", "E")
"""Names of kinds. Layers of the last kind keep nothing; `hybrid` ones have attention and a state."""

PERIODS = {"gpt_oss": 2, "gemma2": 2, "gemma3_text": 6, "cohere2": 4, "llama4_text": 4, "exaone4": 4}
"""By model type: every n-th layer sees all tokens, where a config has a window and no list. Source: the classes."""


class UnknownLayers(ValueError):
    """A model has layers of a kind that is not known here; the message names it."""


def cache_layers(config: Mapping[str, Any], kv_heads: int, head: int) -> tuple[CacheLayers, ...]:
    """The kinds of a model's layers, with how many there are of each.

    Raises:
        KeyError: a size is missing.
        UnknownLayers: a kind has a name that is not known here.
    """
    kinds = Counter(layer_names(config))
    known = {*FULL, *WINDOW, *LINEAR, *NONE}
    if unknown := next((name for name in kinds if name not in known), None):
        raise UnknownLayers(f"layers of the unknown kind '{unknown}'")
    full, hybrid = sum(kinds[name] for name in FULL), kinds["hybrid"]
    window, linear = sum(kinds[name] for name in WINDOW), sum(kinds[name] for name in LINEAR)
    rows = [
        CacheLayers(full + hybrid, *_width(config, _number(config, "num_global_key_value_heads", kv_heads),
                                           _number(config, "global_head_dim", head))),
        CacheLayers(window, *_width(config, _number(config, "swa_num_key_value_heads", kv_heads),
                                    _number(config, "swa_head_dim", head)), window=_window(config)),
        CacheLayers(linear, 0, 1, state=_state(config) if linear else 0),
    ]  # fmt: skip
    return tuple(row for row in rows if row.layers)


def layer_names(config: Mapping[str, Any]) -> Sequence[str]:
    """The kind of each layer, by the names in FULL, WINDOW, LINEAR and NONE."""
    layers = config["num_hidden_layers"]
    if names := config.get("layer_types") or config.get("layers_block_type"):
        return list(names)[:layers]
    if pattern := config.get("hybrid_override_pattern"):
        return str(pattern)
    if pattern := config.get("hybrid_layer_pattern"):
        return [WINDOW[0] if slides else FULL[0] for slides in pattern]
    if full := (config.get("linear_attn_config") or {}).get("full_attn_layers"):
        return [FULL[0] if layer in full else LINEAR[0] for layer in range(1, layers + 1)]
    if period := config.get("full_attention_interval"):
        return _every(period, layers, LINEAR[0])
    if _window(config):
        period = config.get("sliding_window_pattern") or PERIODS.get(str(config.get("model_type")), 0)
        return _every(period, layers, WINDOW[0]) if isinstance(period, int) and period else [WINDOW[0]] * layers
    return [FULL[0]] * layers


def _every(period: int, layers: int, others: str) -> list[str]:
    return [others if layer % period else FULL[0] for layer in range(1, layers + 1)]


def _window(config: Mapping[str, Any]) -> int | None:
    """Tokens back; Qwen writes a window and switches it off, Llama 4 has chunks."""
    if not config.get("use_sliding_window", True):
        return None
    window: int | None = config.get("sliding_window") or config.get("attention_chunk_size")
    return window


def _width(config: Mapping[str, Any], kv_heads: int, head: int) -> tuple[int, int]:
    """Numbers per token and layer, and the heads that share them.

    DeepSeek's sparse attention keeps a key of 8 bits for its indexer and a scale of 4 bytes next to the latent of 16
    bits (source: `DeepseekV32IndexerCache` in vLLM 0.32).
    """
    if latent := config.get("kv_lora_rank"):
        indexer = config.get("index_head_dim") or 0
        return latent + config["qk_rope_head_dim"] + ((indexer + 4) // 2 if indexer else 0), 1
    return kv_heads * (head + _number(config, "v_head_dim", head)), kv_heads


def _number(config: Mapping[str, Any], name: str, default: int) -> int:
    return int(config.get(name) or default)


def _state(config: Mapping[str, Any]) -> int:
    """Numbers of a linear layer's state, in the 16 bits of the cache: what is kept in 32 bits counts twice.

    Sources: `MambaStateShapeCalculator` in vLLM 0.32 (gated delta nets, Mamba 2, short convolutions).
    """
    if "linear_num_value_heads" in config:  # gated delta net: Qwen3-Next, Qwen3.5
        keys = config["linear_num_key_heads"] * config["linear_key_head_dim"]
        values = config["linear_num_value_heads"] * config["linear_value_head_dim"]
        recurrent = values * config["linear_key_head_dim"] * (2 if config.get("mamba_ssm_dtype") == "float32" else 1)
        return int((2 * keys + values) * (config["linear_conv_kernel_dim"] - 1) + recurrent)
    if "linear_attn_config" in config:  # Kimi delta attention, with one state per head and three convolutions
        linear = config["linear_attn_config"]
        width = linear["num_heads"] * linear["head_dim"]
        return int(3 * width * (linear["short_conv_kernel_size"] - 1) + 2 * width * linear["head_dim"])
    if "conv_L_cache" in config:  # LFM2
        return int(config["hidden_size"] * (config["conv_L_cache"] - 1))
    heads = config.get("mamba_num_heads") or config["mamba_n_heads"]
    size = config.get("ssm_state_size") or config["mamba_d_state"]
    groups = config.get("n_groups") or config["mamba_n_groups"]
    kernel = config.get("conv_kernel") or config["mamba_d_conv"]
    inner = heads * (config.get("mamba_head_dim") or config["mamba_d_head"])
    recurrent = inner * size * (2 if config.get("mamba_ssm_cache_dtype") == "float32" else 1)
    return int((inner + 2 * groups * size) * (kernel - 1) + recurrent)
