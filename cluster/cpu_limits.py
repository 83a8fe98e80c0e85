"""What vLLM does on GPUs but not on CPU, so that `signalbox check` says it before a replica fails to start.

Each line was tried with vLLM 0.32 on CPU and failed at the start, or with the first request.
"""

from __future__ import annotations

from cluster.facts import ModelFacts
from cluster.pool import PoolSpec
from cluster.widths import quantisation

HEAD_SIZES = (32, 64, 80, 96, 112, 128, 160, 192, 224, 256, 512)
"""Source: `CPUAttentionBackend.get_supported_head_sizes` in vLLM 0.32."""
BLOCK_TOKENS = 32
"""KV cache blocks are multiples of this."""
ONLINE_METHODS = ("fp8", "fp8_per_tensor", "fp8_per_block", "fp8_per_channel", "mxfp8", "nvfp4_per_token", "online")
"""Methods that quantise a plain checkpoint while it is loaded."""


def cpu_problems(pool: PoolSpec, facts: ModelFacts | None) -> dict[str, str]:
    """Options that a pool's vLLM replicas would not survive on CPU, by field of the pool."""
    options = pool.engine.options
    problems = {}
    if options.get("enable_sleep_mode"):
        problems["engine.options.enable_sleep_mode"] = "vLLM on CPU cannot sleep: leave it out"
    if (options.get("block_size") or BLOCK_TOKENS) % BLOCK_TOKENS:
        problems["engine.options.block_size"] = (
            f"found {options['block_size']}: on CPU write a multiple of {BLOCK_TOKENS}"
        )
    method = quantisation(facts, options) if facts else options.get("quantization")
    if method == "bitsandbytes":
        problems["engine.options.quantization"] = (
            "bitsandbytes (NF4, LLM.int8) runs on GPUs only: take an AWQ, GPTQ or compressed-tensors int8 checkpoint"
        )
    elif method in ONLINE_METHODS and not (facts and facts.quantised):
        problems["engine.options.quantization"] = (
            f"vLLM's CPU kernels cannot turn weights into {method} while loading: take a checkpoint in "
            "compressed-tensors FP8, or write int8_per_channel_weight_only"
        )
    return problems | (_model_problems(pool, facts) if facts else {})


def _model_problems(pool: PoolSpec, facts: ModelFacts) -> dict[str, str]:
    problems = {}
    if facts.is_mla and pool.engine.options.get("dtype") in ("float32", "float"):
        problems["engine.options.dtype"] = "vLLM takes no float32 for latent attention on CPUs with AMX: write bfloat16"
    if not facts.is_mla and facts.head_size not in HEAD_SIZES:
        problems["model"] = (
            f"has heads of {facts.head_size} numbers; vLLM on CPU takes {', '.join(map(str, HEAD_SIZES))}: take "
            "another model, or engine kind transformers"
        )
    if facts.experts and pool.adapters:
        problems["adapters"] = "vLLM on CPU runs no adapters on a mixture of experts: leave them out"
    return problems
