"""Families name the kinds of their layers differently; what layers keep is read from all of them."""

from __future__ import annotations

import pytest

from cluster.facts import facts_of
from cluster.layer_kinds import FULL, LINEAR, WINDOW, UnknownLayers, cache_layers, layer_names

SIZES = {"num_hidden_layers": 8, "sliding_window": 64}
F, W, L = FULL[0], WINDOW[0], LINEAR[0]


@pytest.mark.parametrize(
    ("config", "kinds"),
    [
        ({"num_hidden_layers": 2}, [F, F]),
        (SIZES | {"use_sliding_window": False}, [F] * 8),
        (SIZES, [W] * 8),
        (SIZES | {"sliding_window_pattern": 4}, [W, W, W, F] * 2),
        (SIZES | {"model_type": "gpt_oss"}, [W, F] * 4),
        (SIZES | {"layer_types": [F, W] * 4}, [F, W] * 4),
        (SIZES | {"full_attention_interval": 4}, [L, L, L, F] * 2),
        ({"num_hidden_layers": 4, "linear_attn_config": {"full_attn_layers": [4]}}, [L, L, L, F]),
        ({"num_hidden_layers": 3, "hybrid_layer_pattern": [0, 1, 1]}, [F, W, W]),
        ({"num_hidden_layers": 4, "hybrid_override_pattern": "ME*-"}, ["M", "E", "*", "-"]),
    ],
)
def test_every_way_of_naming_is_read(config, kinds):
    assert list(layer_names(config)) == kinds


# 6 of 52 layers of Nemotron 3 Nano keep keys and values, every fourth of Qwen3-Next, every sixth of Gemma 3.
@pytest.mark.parametrize(
    ("model", "layers"),
    [
        ("nvidia/NVIDIA-Nemotron-3-Nano-30B-A3B-BF16", [6, 23]),
        ("Qwen/Qwen3-Next-80B-A3B-Instruct", [12, 36]),
        ("google/gemma-3-27b-it", [10, 52]),
        ("google/gemma-4-31B-it", [10, 50]),
        ("meta-llama/Llama-4-Scout-17B-16E-Instruct", [12, 36]),
        ("openai/gpt-oss-120b", [18, 18]),
        ("deepseek-ai/DeepSeek-V3.2", [61]),
    ],
)
def test_the_layers_of_shipped_models(model, layers):
    assert [cache.layers for cache in facts_of(model).caches] == layers


def test_global_layers_can_have_other_heads():
    full, window = facts_of("google/gemma-4-31B-it").caches
    assert (full.heads, full.width) == (4, 2 * 4 * 512)
    assert (window.heads, window.width, window.window) == (16, 2 * 16 * 256, 1024)


def test_a_state_in_32_bits_counts_twice():
    _, half = facts_of("Qwen/Qwen3-Next-80B-A3B-Instruct").caches
    _, whole = facts_of("Qwen/Qwen3.5-35B-A3B").caches
    recurrent, convolution = 32 * 128 * 128, (2 * 16 * 128 + 32 * 128) * 3
    assert half.state == recurrent + convolution
    assert whole.state == 2 * recurrent + convolution


def test_an_unknown_kind_is_named():
    with pytest.raises(UnknownLayers, match="telepathy"):
        cache_layers({"num_hidden_layers": 1, "layer_types": ["telepathy"]}, 1, 64)
