"""Bytes per number: computing types, quantised weights, KV cache formats."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cluster.model_facts import ModelFacts

DTYPE_BYTES = {"float32": 4.0, "float": 4.0, "bfloat16": 2.0, "float16": 2.0, "half": 2.0}
FOUR_BITS = 0.53
"""Bytes per weight of the 4-bit formats: half a byte, and a 16-bit scale and a zero point per group of 128."""
QUANTISED_BYTES = {
    "fp8": 1.0,
    "fbgemm_fp8": 1.0,
    "fp8_per_tensor": 1.0,
    "fp8_per_block": 1.0,
    "fp8_per_channel": 1.0,
    "int8_per_channel_weight_only": 1.0,
    "modelopt": 1.0,
    "mxfp8": 1.03,  # a byte of scale per 32 weights
    "compressed-tensors": 1.0,
    "int8": 1.0,
    "awq": FOUR_BITS,
    "gptq": FOUR_BITS,
    "int4": FOUR_BITS,
    "mxfp4": FOUR_BITS,
    "modelopt_fp4": 0.56,  # a byte of scale per 16 weights
}
"""By vLLM's name of the method (`int4` and `int8` are what checkpoints call it), without `auto_` and `_marlin`."""
KV_BYTES = {"fp8": 1.0, "int8": 1.0, "int4": 0.5, "nvfp4": 0.56}
"""By the beginning of vLLM's `kv_cache_dtype`."""


def dtype_bytes(facts: ModelFacts, options: Mapping[str, Any]) -> float:
    """Bytes per number in the computing type: the option `dtype`, or the checkpoint's.

    vLLM computes checkpoints of float32 in 16 bits unless the option `dtype` says otherwise.
    """
    dtype = options.get("dtype", "auto")
    return min(2.0, DTYPE_BYTES.get(facts.dtype, 2.0)) if dtype == "auto" else DTYPE_BYTES[dtype]


def quantisation(facts: ModelFacts, options: Mapping[str, Any]) -> str | None:
    """The method that quantises the weights: the option's, or the checkpoint's own."""
    method = options.get("quantization") or facts.quantised
    return str(method).removeprefix("auto_").removesuffix("_marlin") if method else None


def weight_bytes_each(facts: ModelFacts, options: Mapping[str, Any]) -> float:
    """Bytes per weight of the layers' matrices. A method that is not known here is counted as if it did nothing."""
    method, plain = quantisation(facts, options), dtype_bytes(facts, options)
    if method is None:
        return plain
    if facts.quantised and facts.checkpoint_bytes:
        kept = (facts.embeddings + facts.small) * plain
        return max(0.0, facts.checkpoint_bytes - kept) / (facts.matrices + facts.routed)
    if facts.quantised and facts.quantised_bits:
        return facts.quantised_bits / 8 + (FOUR_BITS - 0.5 if facts.quantised_bits <= 4 else 0.0)
    return QUANTISED_BYTES.get(method, plain)


def kv_bytes(facts: ModelFacts, options: Mapping[str, Any]) -> float:
    """Bytes per number in the KV cache: the option `kv_cache_dtype`, or the computing type."""
    written = str(options.get("kv_cache_dtype", "auto"))
    known = DTYPE_BYTES | KV_BYTES
    return next((size for name, size in known.items() if written.startswith(name)), dtype_bytes(facts, options))
