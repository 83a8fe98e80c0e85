"""Memory arithmetic: what one device of a pool holds. GB is 10**9 bytes, GiB 2**30; everything here is GiB or bytes."""

from __future__ import annotations

import math
from dataclasses import dataclass

from cluster.adapters import adapter_bytes
from cluster.facts import ModelFacts
from cluster.pool import PoolSpec
from cluster.sharing import highest_utilization
from cluster.spec import HardwareSpec
from cluster.widths import dtype_bytes, kv_bytes, weight_bytes_each

GIB = 2**30
GPU_RUNTIME_GIB = 2.2
"""Reserve for activations, CUDA graphs and the CUDA context, one value for all models. Chosen so that the arithmetic
gives the reference figures in the tests; real profiles differ by about a GiB with the model and the batch."""
CPU_RUNTIME_GIB = 0.9
"""Python, torch and vLLM in the two processes of a CPU replica, measured as proportional set size."""
GPU_MEMORY_UTILIZATION = 0.9
"""Share of a GPU's memory when the spec names none: a little below vLLM's own default, so that an estimate is not
too good."""
TYPICAL_TOKENS = 1366
"""Prompt plus answer of an average chat request: 1155 + 211 tokens in Azure's 2023 conversation trace."""


@dataclass(frozen=True)
class PoolMemory:
    """One device of one replica of a pool; sizes in GiB."""

    device_gib: float
    usable_gib: float
    """The share of the device that vLLM may use."""
    weights_gib: float
    """Of the model, of its draft and of its adapters."""
    runtime_gib: float
    kv_gib: float
    """The KV cache; negative when not even the weights fit."""
    kv_bytes_per_token: float
    """On one device."""
    kv_tokens: int
    """Tokens the replica's KV cache holds, over all its data-parallel copies."""
    max_context_tokens: int
    sequences: int
    """Sequences of full context that run at once, at most `max_num_seqs` of each data-parallel copy."""
    typical_sequences: int
    """As `sequences`, for requests of `typical_tokens`."""
    spare_gib: float
    """What could be taken away with one sequence of full context still fitting; negative: short by so much, and vLLM
    would refuse to start."""

    @property
    def typical_tokens(self) -> int:
        """Prompt plus answer of a typical request."""
        return min(TYPICAL_TOKENS, self.max_context_tokens)

    @property
    def fits(self) -> bool:
        """Whether one sequence of full context fits."""
        return self.spare_gib >= 0


def pool_memory(
    facts: ModelFacts, pool: PoolSpec, hardware: HardwareSpec, draft: ModelFacts | None = None
) -> PoolMemory:
    """The arithmetic of one pool's device; `draft` is the model that drafts for the pool's, on the same devices."""
    options = pool.engine.options
    on_gpu = hardware.is_gpu
    utilization = memory_utilization(pool, hardware) if on_gpu else 1.0
    usable = hardware.device_memory_gib * utilization
    offloads = on_gpu and options.get("zero_offload") == "cpu"
    weights = (_resident_bytes(facts, pool) if offloads else weight_bytes(facts, pool)) / GIB
    weights += adapter_bytes(facts, pool, dtype_bytes(facts, options)) / GIB
    if draft:
        weights += weight_bytes(draft, pool) / GIB
    runtime = GPU_RUNTIME_GIB if on_gpu else CPU_RUNTIME_GIB
    room = usable - weights - runtime
    asked = _kv_bytes_asked(facts, pool)
    # vLLM takes a size that is asked for at its word and looks at no share then: what bounds it is the pool's device.
    whole = hardware.device_memory_gib * pool.gpu_fraction
    spare_room = math.inf if asked is None else whole - weights - runtime - asked / GIB
    kv = room if asked is None else asked / GIB
    per_token = kv_bytes_per_token(facts, pool) + (kv_bytes_per_token(draft, pool) if draft else 0.0)
    context = int(options.get("max_model_len") or facts.max_context_tokens)
    batch = max_num_seqs(pool, hardware)
    spare_kv = kv - _held(context, facts, pool) * per_token / GIB
    return PoolMemory(
        device_gib=hardware.device_memory_gib,
        usable_gib=usable,
        weights_gib=weights,
        runtime_gib=runtime,
        kv_gib=kv,
        kv_bytes_per_token=per_token,
        kv_tokens=pool.parallel.data * max(0, int(kv * GIB / per_token)),
        max_context_tokens=context,
        sequences=_sequences(kv * GIB / per_token, context, facts, pool, batch),
        typical_sequences=_sequences(kv * GIB / per_token, min(context, TYPICAL_TOKENS), facts, pool, batch),
        spare_gib=min(spare_kv, spare_room),
    )


def memory_utilization(pool: PoolSpec, hardware: HardwareSpec) -> float:
    """Share of a GPU's memory that the engine may use: the spec's option, else most of the pool's share of the GPU."""
    if (asked := pool.engine.options.get("gpu_memory_utilization")) is not None:
        return float(asked)
    default = GPU_MEMORY_UTILIZATION * pool.gpu_fraction
    if pool.gpu_fraction < 1:
        default = min(default, highest_utilization(pool.gpu_fraction, hardware.device_memory_gib))
    return round(max(default, 0.0), 4)


def _kv_bytes_asked(facts: ModelFacts, pool: PoolSpec) -> float | None:
    """The KV cache's size on one device where the spec says it: in bytes for vLLM, in tokens for the other engines."""
    options = pool.engine.options
    if tokens := options.get("kv_budget_tokens"):
        return float(math.ceil(tokens / pool.parallel.data) * kv_bytes_per_token(facts, pool))
    asked: float | None = options.get("kv_cache_memory_bytes")
    return asked


def max_num_seqs(pool: PoolSpec, hardware: HardwareSpec) -> int:
    """Sequences in one engine's batch: the spec's option, else the engine's default.

    vLLM's default depends on the device. Source: `get_batch_defaults` in vLLM 0.32's engine/arg_utils.py.
    """
    if asked := pool.engine.options.get("max_num_seqs"):
        return int(asked)
    if (rows := pool.engine.traits.batch_rows) is not None:
        return rows
    if not hardware.is_gpu:
        return 128 * pool.parallel.tensor * pool.parallel.pipeline
    gib, is_a100 = hardware.device_memory_gib, hardware.device.ray_type == "A100"
    return 1024 if gib >= 160 or (gib >= 70 and not is_a100) else 256


def _sequences(kv_tokens: float, tokens: int, facts: ModelFacts, pool: PoolSpec, batch: int) -> int:
    """Sequences of a length that run at once; every data-parallel copy has its own KV cache and batch."""
    fitting = int(kv_tokens / _held(tokens, facts, pool))
    return pool.parallel.data * max(0, min(fitting, batch))


def _held(tokens: int, facts: ModelFacts, pool: PoolSpec) -> int:
    """Tokens of a sequence that the cache keeps; some engines drop tokens behind a sliding window."""
    return min(tokens, facts.sliding_window or tokens) if pool.engine.traits.frees_window else tokens


def weight_bytes(facts: ModelFacts, pool: PoolSpec) -> float:
    """Bytes of weights on the fullest device of a replica.

    Attention and MLP matrices are split over tensor ranks, layers over pipeline stages, experts over expert ranks (or,
    without expert parallelism, their matrices over tensor ranks). Key and value projections are repeated where there
    are fewer KV heads than tensor ranks; that is small and left out. Embeddings are not quantised; with a pipeline, the
    first stage holds the input's and the last the output's. ZeRO spreads all of it over the data-parallel ranks.
    """
    parallel = pool.parallel
    stage = math.ceil(facts.layers / parallel.pipeline) / facts.layers
    dense = facts.layers * facts.attention + (facts.layers - facts.moe_layers) * facts.dense_mlp
    dense += facts.moe_layers * facts.mlp
    routed = facts.moe_layers * facts.experts * facts.expert
    matrices = dense / parallel.tensor + routed / (parallel.tensor * (parallel.data if parallel.expert > 1 else 1))
    each, plain = weight_bytes_each(facts, pool.engine.options), dtype_bytes(facts, pool.engine.options)
    if "zero_offload" in pool.engine.options:
        return facts.parameters * plain / parallel.data
    both = parallel.pipeline == 1 or facts.ties_embeddings
    embeddings = facts.embeddings / parallel.tensor / (1 if both else 2)
    if not pool.engine.traits.splits_input_embeddings:
        embeddings = facts.embeddings * (1 + 1 / parallel.tensor) / 2
    return stage * (matrices * each + facts.small * plain) + embeddings * plain


def _resident_bytes(facts: ModelFacts, pool: PoolSpec) -> float:
    """What of the weights is on a GPU at once under ZeRO's offload: the embeddings, a layer and the next one."""
    layer = (facts.parameters - facts.embeddings) / facts.layers
    return (facts.embeddings + 2 * layer) * dtype_bytes(facts, pool.engine.options)


def kv_bytes_per_token(facts: ModelFacts, pool: PoolSpec) -> float:
    """Bytes of KV cache per token on one device: width x layers of the stage x bytes, KV heads split over tensor ranks.

    A rank holds at least one KV head, and the latent of MLA is whole on every rank.
    """
    tensor, pipeline = pool.parallel.tensor, pool.parallel.pipeline
    share = 1.0 if facts.is_mla else math.ceil(facts.kv_heads / tensor) / facts.kv_heads
    return facts.kv_width * share * math.ceil(facts.layers / pipeline) * kv_bytes(facts, pool.engine.options)
