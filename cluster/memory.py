"""Memory arithmetic: what one device of a pool holds. GB is 10**9 bytes, GiB 2**30; everything here is GiB or bytes."""

from __future__ import annotations

import math
from dataclasses import dataclass

from cluster.adapters import adapter_bytes
from cluster.batches import max_num_seqs
from cluster.kv_cache import context_tokens, kv_bytes_per_token, sequence_bytes
from cluster.model_facts import ModelFacts
from cluster.pool import PoolSpec
from cluster.sharing import highest_utilization
from cluster.spec import HardwareSpec
from cluster.widths import dtype_bytes, weight_bytes_each

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
    """On one device, as the average over a sequence of full context."""
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
    context = context_tokens(facts, pool)
    models = (facts, draft) if draft else (facts,)

    def sequence(tokens: int) -> float:
        return sum(sequence_bytes(model, pool, hardware, tokens) for model in models)

    asked = _kv_bytes_asked(facts, pool, hardware)
    # vLLM takes a size that is asked for at its word and looks at no share then: what bounds it is the pool's device.
    whole = hardware.device_memory_gib * pool.gpu_fraction
    spare_room = math.inf if asked is None else whole - weights - runtime - asked / GIB
    kv = room if asked is None else asked / GIB
    batch = max_num_seqs(pool, hardware)
    return PoolMemory(
        device_gib=hardware.device_memory_gib,
        usable_gib=usable,
        weights_gib=weights,
        runtime_gib=runtime,
        kv_gib=kv,
        kv_bytes_per_token=sequence(context) / context,
        kv_tokens=pool.parallel.data * max(0, int(kv * GIB / sequence(context) * context)),
        max_context_tokens=context,
        sequences=_at_once(kv * GIB, sequence(context), pool, batch),
        typical_sequences=_at_once(kv * GIB, sequence(min(context, TYPICAL_TOKENS)), pool, batch),
        spare_gib=min(kv - sequence(context) / GIB, spare_room),
    )


def memory_utilization(pool: PoolSpec, hardware: HardwareSpec) -> float:
    """Share of a GPU's memory that the engine may use: the spec's option, else most of the pool's share of the GPU."""
    if (asked := pool.engine.options.get("gpu_memory_utilization")) is not None:
        return float(asked)
    default = GPU_MEMORY_UTILIZATION * pool.gpu_fraction
    if pool.gpu_fraction < 1:
        default = min(default, highest_utilization(pool.gpu_fraction, hardware.device_memory_gib))
    return round(max(default, 0.0), 4)


def _kv_bytes_asked(facts: ModelFacts, pool: PoolSpec, hardware: HardwareSpec) -> float | None:
    """The KV cache's size on one device where the spec says it: in bytes for vLLM, in tokens for the other engines."""
    options = pool.engine.options
    if tokens := options.get("kv_budget_tokens"):
        return float(math.ceil(tokens / pool.parallel.data) * kv_bytes_per_token(facts, pool, hardware))
    asked: float | None = options.get("kv_cache_memory_bytes")
    return asked


def _at_once(kv_bytes: float, sequence: float, pool: PoolSpec, batch: int) -> int:
    """Sequences that run at once; every data-parallel copy has its own KV cache and batch."""
    return pool.parallel.data * max(0, min(int(kv_bytes / sequence), batch))


def weight_bytes(facts: ModelFacts, pool: PoolSpec) -> float:
    """Bytes of weights on the fullest device of a replica.

    Attention and MLP matrices are split over tensor ranks, layers over pipeline stages, experts over expert ranks (or,
    without expert parallelism, their matrices over tensor ranks). Key and value projections are repeated where there
    are fewer KV heads than tensor ranks; that is small and left out. Embeddings are not quantised; with a pipeline, the
    first stage holds the input's and the last the output's. ZeRO spreads all of it over the data-parallel ranks.
    """
    parallel = pool.parallel
    stage = math.ceil(facts.layers / parallel.pipeline) / facts.layers
    spread = parallel.tensor * (parallel.data if parallel.expert > 1 else 1)
    matrices = facts.matrices / parallel.tensor + facts.routed / spread
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
