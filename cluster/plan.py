"""Which hardware a model needs: weights and KV cache by precision, the smallest layout per device type, cost, reasons.

Sizes come from `cluster.memory`. Speeds are upper bounds from the roofline of decoding (Williams et al. 2009): a step
cannot be faster than reading the weights and the KV cache of the batch from memory, nor than its arithmetic.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from cluster.memory import PoolMemory, pool_memory
from cluster.model_facts import ModelFacts
from cluster.parallel import ParallelSpec
from cluster.placing import layout_problems
from cluster.pool import EngineSpec, PoolSpec
from cluster.spec import HardwareSpec
from cluster.widths import kv_bytes, weight_bytes_each

PRECISIONS: dict[str, dict[str, str]] = {
    "fp32": {"dtype": "float32"},
    "bf16": {"dtype": "bfloat16"},
    "int8": {"dtype": "bfloat16", "quantization": "int8"},
    "int4": {"dtype": "bfloat16", "quantization": "int4"},
}
"""Widths of the weights as engine options; the KV cache is in 16 bits, with fp32 in 32."""
COMFORTABLE_SEQUENCES = 8
"""Sequences of the asked context length that should run at once before a layout is recommended."""


@dataclass(frozen=True)
class Target:
    """A device type as the plan sees it."""

    hardware: HardwareSpec
    per_node: int
    """Devices that a usual node has."""
    bandwidth_gb_s: float
    """Memory bandwidth of one device in 10**9 bytes per second."""
    tflops: float
    """Dense 16-bit arithmetic of one device in 10**12 operations per second."""
    nodes: int = 4
    """Nodes that one replica may span."""


def _gpu(device: str, bandwidth_gb_s: float, tflops: float, per_node: int = 8) -> Target:
    return Target(HardwareSpec(device=device), per_node, bandwidth_gb_s, tflops)


# Bandwidth and dense 16-bit rates from the makers' data sheets (NVIDIA L4, A10, A100, H100 SXM, H200, Ada; AMD MI300X;
# Apple M2 Ultra). `cpu` is one socket with eight channels of DDR5-4800 and AMX.
TARGETS: dict[str, Target] = {
    "RTX-4090": _gpu("RTX-4090", 1008, 165, per_node=4),
    "L4": _gpu("L4", 300, 121),
    "A10G": _gpu("A10G", 600, 70),
    "A100-40G": _gpu("A100-40G", 1555, 312),
    "A100-80G": _gpu("A100-80G", 2039, 312),
    "H100": _gpu("H100", 3350, 989),
    "H200": _gpu("H200", 4800, 989),
    "MI300X": _gpu("MI300X", 5300, 1307),
    "cpu": Target(HardwareSpec(device="cpu", memory_gib=128.0), 2, 307, 50),
    # Three quarters of 192 GB, which is what macOS lets the GPU have.
    "apple": Target(HardwareSpec(device="cpu", memory_gib=144.0), 1, 800, 27, nodes=1),
}


@dataclass(frozen=True)
class Layout:
    """The smallest number of devices of one type that holds a model in one precision."""

    target: str
    precision: str
    tensor: int
    pipeline: int
    memory: PoolMemory
    tokens_per_s: float
    """Upper bound on generated tokens per second of the whole replica, with `memory.sequences` of them at once."""

    @property
    def devices(self) -> int:
        """Devices of one replica."""
        return self.tensor * self.pipeline

    @property
    def device_hours_per_mtok(self) -> float:
        """Lower bound on device-hours per million generated tokens."""
        return self.devices * 1e6 / self.tokens_per_s / 3600

    def cost_per_mtok(self, price_per_device_hour: float) -> float:
        """Lower bound on the price of a million generated tokens."""
        return self.device_hours_per_mtok * price_per_device_hour


@dataclass(frozen=True)
class Advice:
    """What to run on a device type, and why. `layout` is None when nothing fits."""

    target: str
    layout: Layout | None
    engine: str
    reasons: tuple[str, ...]


def weights_gb(facts: ModelFacts, precision: str) -> float:
    """Weights of the whole model in 10**9 bytes: embeddings, norms and biases keep the computing type."""
    options = PRECISIONS[precision]
    matrices = facts.parameters - facts.embeddings - facts.small
    plain = weight_bytes_each(facts, {"dtype": options["dtype"]}) if not facts.quantised else 2.0
    return (matrices * weight_bytes_each(facts, options) + (facts.embeddings + facts.small) * plain) / 1e9


def kv_kib_per_token(facts: ModelFacts, precision: str = "bf16") -> float:
    """What each token of a sequence adds to the KV cache of the whole model, in KiB."""
    return facts.kv_growth * kv_bytes(facts, PRECISIONS[precision]) / 1024


def kv_mib_per_sequence(facts: ModelFacts, precision: str = "bf16") -> float:
    """What a sequence of any length keeps at most in windows and states, in MiB."""
    return facts.kv_bounded * kv_bytes(facts, PRECISIONS[precision]) / 2**20


def smallest_layout(facts: ModelFacts, target: str, precision: str, context: int) -> Layout | None:
    """The fewest devices that hold the weights and one sequence of `context` tokens; None when none do."""
    for tensor, pipeline in _splits(TARGETS[target]):
        pool = _pool(precision, tensor, pipeline, context)
        if layout_problems(pool, facts):
            continue
        memory = pool_memory(facts, pool, TARGETS[target].hardware)
        if memory.fits:
            return Layout(target, precision, tensor, pipeline, memory, _tokens_per_s(facts, target, pool, memory))
    return None


def _splits(target: Target) -> Iterator[tuple[int, int]]:
    """(tensor, pipeline) by number of devices: tensor parallelism inside a node, pipeline stages over nodes."""
    tensor = 1
    while tensor < target.per_node:
        yield tensor, 1
        tensor *= 2
    yield from ((target.per_node, pipeline) for pipeline in (1, 2, 4) if pipeline <= target.nodes)


def _pool(precision: str, tensor: int, pipeline: int, context: int) -> PoolSpec:
    engine = EngineSpec(options=PRECISIONS[precision] | {"max_model_len": context})
    parallel = ParallelSpec(tensor=tensor, pipeline=pipeline)
    return PoolSpec(tier="large", model="planned", engine=engine, parallel=parallel)


def _tokens_per_s(facts: ModelFacts, target: str, pool: PoolSpec, memory: PoolMemory) -> float:
    """Batch over the time of a decode step. Stages of a pipeline work on different batches at once, so one is counted.

    Of a mixture of experts a step reads the experts that at least one sequence of the batch was sent to.
    """
    devices, batch = TARGETS[target], max(memory.sequences, 1)
    missed = (1 - facts.experts_per_token / facts.experts) ** batch if facts.experts else 0.0
    each = weight_bytes_each(facts, pool.engine.options)
    read = memory.weights_gib * 2**30 - facts.routed * missed * each / pool.parallel.devices
    read += batch * memory.max_context_tokens / 2 * memory.kv_bytes_per_token  # half a context on average
    arithmetic = 2 * facts.active_parameters * batch / pool.parallel.devices
    return batch / max(read / (devices.bandwidth_gb_s * 1e9), arithmetic / (devices.tflops * 1e12))


def advise(facts: ModelFacts, target: str, context: int) -> Advice:
    """Precision, layout and engine for one device type: the widest precision that is comfortable in one node."""
    engine, reasons = _engine(facts, target)
    for precision in ("bf16", "int8", "int4"):
        layout = smallest_layout(facts, target, precision, context)
        layout = _comfortable(facts, layout, context) if layout else None
        if layout and layout.pipeline == 1:
            return Advice(target, layout, engine, (*reasons, *_why(facts, layout, context)))
        where = "one node" if layout else "four nodes"
        reasons.append(
            f"{precision}: {weights_gb(facts, precision):.1f} GB of weights and a sequence do not fit {where}"
        )
    reasons.append("left: offloading weights to the host's memory (DeepSpeed ZeRO), which is slow")
    return Advice(target, None, "deepspeed", tuple(reasons))


def _comfortable(facts: ModelFacts, layout: Layout, context: int) -> Layout:
    """More devices of the node while too few sequences of the context run at once."""
    tensor = layout.tensor
    while layout.memory.sequences < COMFORTABLE_SEQUENCES and 2 * tensor <= TARGETS[layout.target].per_node:
        tensor *= 2
        pool = _pool(layout.precision, tensor, 1, context)
        if layout.pipeline > 1 or layout_problems(pool, facts):
            break
        memory = pool_memory(facts, pool, TARGETS[layout.target].hardware)
        speed = _tokens_per_s(facts, layout.target, pool, memory)
        layout = Layout(layout.target, layout.precision, tensor, 1, memory, speed)
    return layout


def _engine(facts: ModelFacts, target: str) -> tuple[str, list[str]]:
    if target == "apple":
        return "remote", ["remote: vLLM does not use Apple's GPU; run llama.cpp or MLC-LLM there"]
    if not facts.is_counted:
        return "vllm", [f"{facts.architecture} is counted like a Llama: see whether vLLM lists it, else transformers"]
    return "vllm", ["vllm: knows the architecture, and batches continuously"]


def _why(facts: ModelFacts, layout: Layout, context: int) -> Iterator[str]:
    weights, memory = weights_gb(facts, layout.precision), layout.memory
    yield (
        f"{layout.precision}: {weights:.1f} GB of weights on {layout.devices} x {layout.target} leave room for "
        f"{memory.sequences} sequences of {context:,} tokens"
    )
    if layout.precision != "bf16":
        yield "quantised, because 16 bits need more than a node; measure the quality on your own tasks"
    if facts.experts and layout.tensor > 1:
        yield f"experts: set parallel.expert: {layout.tensor} to give each rank whole experts instead of slices"
    if bounded := kv_mib_per_sequence(facts):
        yield f"windows and states: {bounded:,.0f} MiB of KV cache per sequence do not grow with its length"
