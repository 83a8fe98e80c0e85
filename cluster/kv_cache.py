"""What the KV cache keeps of a sequence, in bytes on one device."""

from __future__ import annotations

import math

from cluster.batches import max_num_batched_tokens
from cluster.model_facts import CacheLayers, ModelFacts
from cluster.pool import PoolSpec
from cluster.spec import HardwareSpec
from cluster.widths import kv_bytes

STATE_BYTES = 2
"""Bytes per number of a linear layer's state, whatever the type of keys and values."""


def sequence_bytes(facts: ModelFacts, pool: PoolSpec, hardware: HardwareSpec, tokens: int) -> float:
    """Bytes of one sequence: width x layers of the stage x tokens that are kept x bytes, and the states.

    KV heads are split over tensor ranks, but a rank holds at least one, and the latent of MLA is whole on every rank.
    """
    each = kv_bytes(facts, pool.engine.options)
    tensor, total = pool.parallel.tensor, 0.0
    for cache, layers in zip(facts.caches, _slots(facts, pool), strict=True):
        share = math.ceil(cache.heads / tensor) / cache.heads
        kept = _kept(cache, pool, hardware, tokens)
        total += layers * (cache.width * share * kept * each + _states(pool) * cache.state * STATE_BYTES / tensor)
    return total


def _states(pool: PoolSpec) -> int:
    """States of a linear layer that a sequence holds: with prefix caching, which is vLLM's default, its newest and one
    at a block's end. Source: `MambaSpec.max_memory_usage_bytes` in vLLM 0.32."""
    return 1 if pool.engine.options.get("enable_prefix_caching") is False else 2


def kv_bytes_per_token(facts: ModelFacts, pool: PoolSpec, hardware: HardwareSpec) -> float:
    """Bytes of KV cache per token on one device, as the average over a sequence of full context.

    vLLM reports its cache's size in such tokens: sequences of full context that fit, times their length (source:
    `get_kv_cache_capacity` in vLLM 0.32).
    """
    context = context_tokens(facts, pool)
    return sequence_bytes(facts, pool, hardware, context) / context


def context_tokens(facts: ModelFacts, pool: PoolSpec) -> int:
    """The longest sequence: the spec's option, else the model's own."""
    return int(pool.engine.options.get("max_model_len") or facts.max_context_tokens)


def _kept(cache: CacheLayers, pool: PoolSpec, hardware: HardwareSpec, tokens: int) -> int:
    """Tokens of a sequence that these layers keep. Some engines drop those behind a window, but for one batch.

    Source: `SlidingWindowSpec.max_admission_blocks_per_request` in vLLM 0.32.
    """
    if cache.window is None or not pool.engine.traits.frees_window:
        return tokens
    return min(tokens, cache.window - 1 + max_num_batched_tokens(pool, hardware))


def _slots(facts: ModelFacts, pool: PoolSpec) -> list[int]:
    """Layers of each kind in a stage, filled up to whole groups of layers where there are several kinds.

    vLLM gives every group of layers blocks of one size, so a group has as many layers as the rarest kind, or as the
    most common kind if that has less than 1.5 times as many. Source: `_get_kv_cache_groups_uniform_page_size` in vLLM
    0.32.
    """
    counts = [math.ceil(cache.layers / pool.parallel.pipeline) for cache in facts.caches]
    if len(counts) == 1 or not pool.engine.traits.frees_window:
        return counts
    group = max(counts) if max(counts) < 1.5 * min(counts) else min(counts)
    return [math.ceil(count / group) * group for count in counts]
