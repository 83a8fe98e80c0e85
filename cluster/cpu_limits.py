"""What vLLM does on GPUs but not on CPU, so that `signalbox check` reports it before a replica fails to start.

Each limit was tried with vLLM 0.32 on CPU, and failed at the start or with the first request.
"""

from __future__ import annotations

from cluster.model_facts import ModelFacts
from cluster.pool import PoolSpec
from cluster.widths import quantisation

HEAD_SIZES = (32, 64, 80, 96, 112, 128, 160, 192, 224, 256, 512)
"""Source: `CPUAttentionBackend.get_supported_head_sizes` in vLLM 0.32."""
BLOCK_TOKENS = 32
"""KV cache blocks are multiples of this."""
ONLINE_METHODS = ("fp8", "fp8_per_tensor", "fp8_per_block", "fp8_per_channel", "mxfp8", "nvfp4_per_token", "online")
"""Methods that quantise a plain checkpoint while it is loaded."""


def cpu_problems(pool: PoolSpec, facts: ModelFacts | None) -> dict[str, str]:
    """Settings with which a pool's vLLM replicas fail on CPU, by field of the pool."""
    options = pool.engine.options
    problems = {}
    if options.get("enable_sleep_mode"):
        problems["engine.options.enable_sleep_mode"] = "vLLM has no sleep mode on CPU: remove it"
    if (options.get("block_size") or BLOCK_TOKENS) % BLOCK_TOKENS:
        problems["engine.options.block_size"] = (
            f"invalid value {options['block_size']}, use a multiple of {BLOCK_TOKENS} on CPU"
        )
    method = quantisation(facts, options) if facts else options.get("quantization")
    if method == "bitsandbytes":
        problems["engine.options.quantization"] = (
            "bitsandbytes (NF4, LLM.int8) runs on GPUs only: use an AWQ, GPTQ or compressed-tensors int8 checkpoint"
        )
    elif method in ONLINE_METHODS and not (facts and facts.quantised):
        problems["engine.options.quantization"] = (
            f"vLLM's CPU kernels cannot turn weights into {method} while loading: use a checkpoint in "
            "compressed-tensors FP8, or int8_per_channel_weight_only"
        )
    return problems | (_model_problems(pool, facts) if facts else {})


def _model_problems(pool: PoolSpec, facts: ModelFacts) -> dict[str, str]:
    problems = {}
    if facts.is_mla and pool.engine.options.get("dtype") in ("float32", "float"):
        problems["engine.options.dtype"] = "vLLM has no float32 latent attention on CPUs with AMX: use bfloat16"
    if not facts.is_mla and facts.head_size not in HEAD_SIZES:
        problems["model"] = (
            f"has heads of size {facts.head_size}; vLLM on CPU supports {', '.join(map(str, HEAD_SIZES))}: use another "
            "model, or kind transformers"
        )
    if facts.experts and pool.adapters:
        problems["adapters"] = "vLLM on CPU has no adapters for a mixture of experts: remove them"
    return problems
