"""The KV cache arithmetic against what vLLM printed on other people's machines.

Each row is a log or an error in a public issue: so many GiB for the KV cache hold so many tokens. The size of the cache
is given to the arithmetic as it was printed, so that only the bytes of a token are judged here; it was rounded to 0.01
GiB, and vLLM rounds down to whole blocks.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import pytest

from cluster.facts import facts_of
from cluster.memory import GIB, pool_memory
from cluster.pool import PoolSpec
from cluster.spec import HardwareSpec

VLLM = "https://github.com/vllm-project"


@dataclass(frozen=True)
class Published:
    """What vLLM printed."""

    source: str
    vllm: str
    """Its version, as far as the issue says it."""
    gpu: str
    model: str
    """The model with the same layers that ships here; the run may have used other weights of it."""
    kv_gib: float
    """On one device."""
    tokens: int
    options: dict[str, Any] = field(default_factory=dict)
    tensor: int = 1
    memory_gib: float = 80.0
    """Of the device, which decides vLLM's default batch."""


QWEN3_CODER_480B = "Qwen/Qwen3-Coder-480B-A35B-Instruct"
FIGURES = [
    Published(f"{VLLM}/vllm/issues/21348", "0.9", "H100", "Qwen/Qwen3-235B-A22B", 8.11, 178_880, tensor=4),
    Published(
        f"{VLLM}/vllm/issues/10517", "0.6", "RTX 3090", "meta-llama/Llama-3.1-8B-Instruct", 3.81, 1952 * 16,
        {"max_model_len": 20_000}, memory_gib=24,
    ),
    Published(
        f"{VLLM}/vllm/issues/10517", "0.6", "RTX 3090", "meta-llama/Llama-3.1-8B-Instruct", 2.89, 23_648,
        {"max_model_len": 29_000}, memory_gib=24,
    ),
    # Qwen3-Coder-30B-A3B has the layers of Qwen3-30B-A3B; first what its whole context needs, then what was free.
    Published(
        f"{VLLM}/vllm/issues/34076", "0.15.2", "RTX 5090 D", "Qwen/Qwen3-30B-A3B", 24.0, 262_144, memory_gib=32
    ),
    Published(f"{VLLM}/vllm/issues/34076", "0.15.2", "RTX 5070 Ti", "Qwen/Qwen3-30B-A3B", 3.18, 34_736, memory_gib=16),
    Published(f"{VLLM}/recipes/pull/12", "0.10.1", "H20", QWEN3_CODER_480B, 62.0, 262_144, memory_gib=95),
    Published(f"{VLLM}/recipes/pull/12", "0.10.1", "H20", QWEN3_CODER_480B, 48.66, 205_728, memory_gib=95),
    Published(f"{VLLM}/recipes/pull/12", "0.10.1", "H20", QWEN3_CODER_480B, 55.65, 235_296, memory_gib=95),
    # Qwen3.6-35B-A3B has the layers of Qwen3.5-35B-A3B: 10 with attention, 30 with a state.
    Published(
        "https://github.com/noonghunna/club-3090/issues/652", "0.24.0", "RTX 5090", "Qwen/Qwen3.5-35B-A3B", 6.01,
        569_878, {"max_model_len": 131_072, "kv_cache_dtype": "fp8", "max_num_batched_tokens": 8192}, memory_gib=32,
    ),
    Published(
        "https://github.com/noonghunna/club-3090/issues/612", "0.24.0", "RTX 5090", "Qwen/Qwen3.5-35B-A3B", 5.98,
        567_978, {"max_model_len": 131_072, "kv_cache_dtype": "fp8", "max_num_batched_tokens": 8192}, memory_gib=32,
    ),
    # Written as about 50 GB and 525k tokens; the context is not said, so it is the model's own.
    Published(
        f"{VLLM}/vllm/issues/43308", "0.21.0", "A100-80G", "google/gemma-4-31B-it", 50e9 / GIB, 525_000,
        {"max_model_len": 262_144, "max_num_batched_tokens": 2048},
    ),
]  # fmt: skip


def tokens_of(figure: Published) -> int:
    options = figure.options | {"kv_cache_memory_bytes": int(figure.kv_gib * GIB)}
    if "max_model_len" not in options:
        options["max_model_len"] = 32_768
    pool = PoolSpec.model_validate(
        {
            "tier": "large",
            "model": figure.model,
            "engine": {"options": options},
            "parallel": {"tensor": figure.tensor},
        }
    )
    hardware = HardwareSpec(device="H100", devices_per_node=figure.tensor, memory_gib=figure.memory_gib)
    return pool_memory(facts_of(figure.model), pool, hardware).kv_tokens


@pytest.mark.parametrize("figure", FIGURES, ids=lambda f: f"{f.model.split('/')[-1]}-{f.kv_gib}-GiB")
def test_the_tokens_that_vllm_printed_are_held(figure):
    assert tokens_of(figure) == pytest.approx(figure.tokens, rel=0.05)


@pytest.mark.parametrize(
    ("figure", "utilization", "options", "error", "reason"),
    [
        (
            FIGURES[1],
            0.9,
            {"max_model_len": 20_000},
            0.07,
            "a prompt of 20,000 tokens was profiled in one piece (vLLM 0.6), 1.7 GiB of activations",
        ),
        (
            FIGURES[0],
            0.9,
            {"quantization": "fp8"},
            0.80,
            "a KV connector and CUDA graphs take what the reserve of 2.2 GiB does not foresee; the thread calls it a "
            "regression of vLLM's profiling",
        ),
    ],
    ids=lambda value: value.model if isinstance(value, Published) else None,
)
def test_from_the_whole_gpu_the_reserve_is_the_uncertainty(figure, utilization, options, error, reason):
    """Weights and runtime are estimated too here. The published cache is smaller by no more than `error`."""
    pool = PoolSpec.model_validate(
        {
            "tier": "large",
            "model": figure.model,
            "engine": {"options": options | {"gpu_memory_utilization": utilization}},
            "parallel": {"tensor": figure.tensor},
        }
    )
    memory_gib = {"RTX 3090": 23.58, "H100": 79.6}[figure.gpu]
    hardware = HardwareSpec(device="H100", devices_per_node=figure.tensor, memory_gib=memory_gib)
    estimate = pool_memory(facts_of(figure.model), pool, hardware).kv_tokens
    assert reason
    assert 0 <= estimate / figure.tokens - 1 <= error


def test_there_are_ten_figures_of_several_kinds_of_models():
    assert len(FIGURES) >= 10
    assert len({figure.model for figure in FIGURES}) >= 5
