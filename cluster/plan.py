"""Which hardware a model needs: weights and KV cache by precision, the smallest layout per device type, cost.

Sizes come from `cluster.memory`. Speeds are upper bounds from the roofline of decoding (Williams et al. 2009): a step
cannot be faster than reading the weights and the KV cache of the batch from memory, nor than its arithmetic.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from cluster.device import CPU, DeviceSpec
from cluster.devices import DEVICES
from cluster.memory import PoolMemory, pool_memory
from cluster.model_facts import ModelFacts
from cluster.parallel import ParallelSpec
from cluster.placing import layout_problems
from cluster.pool import EngineSpec, PoolSpec
from cluster.spec import HardwareSpec
from cluster.widths import DTYPE_BYTES, kv_bytes, weight_bytes_each

PRECISIONS: dict[str, dict[str, str]] = {
    "fp32": {"dtype": "float32"},
    "bf16": {"dtype": "bfloat16"},
    "int8": {"dtype": "bfloat16", "quantization": "int8"},
    "int4": {"dtype": "bfloat16", "quantization": "int4"},
}
"""Widths of the weights as engine options; the KV cache is in 16 bits, with fp32 in 32."""


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


def _target(device: DeviceSpec) -> Target:
    assert device.bandwidth_gb_s  # every row of the table has both speeds
    assert device.tflops
    per_node = 4 if device.name.startswith("RTX") or device.name in FOUR_PER_NODE else 8
    return Target(HardwareSpec(device=device), per_node, device.bandwidth_gb_s, device.tflops)


FOUR_PER_NODE = ("GH200", "GB200", "TPU-v5p")
TARGETS: dict[str, Target] = {name: _target(device) for name, device in DEVICES.items() if device.is_gpu} | {
    "cpu": replace(_target(DEVICES[CPU]), hardware=HardwareSpec(memory_gib=128.0), per_node=2),
    # M2 Ultra. Three quarters of 192 GB, which is what macOS lets the GPU have.
    "apple": Target(HardwareSpec(memory_gib=144.0), 1, 800, 27, nodes=1),
}
USUAL_TARGETS = ("RTX-4090", "L4", "A10G", "A100-40G", "A100-80G", "H100", "H200", "MI300X", "cpu", "apple")
"""The device types that `signalbox plan` shows unless it is asked for others."""


@dataclass(frozen=True)
class Layout:
    """A model in one precision on some devices of one type."""

    target: str
    precision: str
    pool: PoolSpec
    """A replica of it: the options of the precision, the split over devices."""
    memory: PoolMemory
    tokens_per_s: float
    """Upper bound on generated tokens per second of the whole replica, with `memory.sequences` of them at once."""

    @property
    def tensor(self) -> int:
        """Tensor-parallel ranks."""
        return self.pool.parallel.tensor

    @property
    def pipeline(self) -> int:
        """Pipeline stages."""
        return self.pool.parallel.pipeline

    @property
    def devices(self) -> int:
        """Devices of one replica."""
        return self.pool.parallel.devices

    @property
    def device_hours_per_mtok(self) -> float:
        """Lower bound on device-hours per million generated tokens."""
        return self.devices * 1e6 / self.tokens_per_s / 3600

    def cost_per_mtok(self, price_per_device_hour: float) -> float:
        """Lower bound on the price of a million generated tokens."""
        return self.device_hours_per_mtok * price_per_device_hour


def precisions(facts: ModelFacts) -> dict[str, dict[str, str]]:
    """The widths that a plan compares, as engine options; a checkpoint that is quantised has only its own."""
    return {facts.quantised: {"dtype": "bfloat16"}} if facts.quantised else PRECISIONS


def weights_gb(facts: ModelFacts, precision: str) -> float:
    """Weights of the whole model in 10**9 bytes: embeddings, norms and biases keep the computing type."""
    options = precisions(facts)[precision]
    matrices = facts.parameters - facts.embeddings - facts.small
    plain = DTYPE_BYTES[options["dtype"]]
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
        layout = layout_of(facts, target, precision, tensor, pipeline, context)
        if layout and layout.memory.fits:
            return layout
    return None


def layout_of(
    facts: ModelFacts, target: str, precision: str, tensor: int, pipeline: int, context: int
) -> Layout | None:
    """One layout, whether or not it fits; None if the model cannot be split so."""
    engine = EngineSpec(options=precisions(facts)[precision] | {"max_model_len": context})
    parallel = ParallelSpec(tensor=tensor, pipeline=pipeline)
    pool = PoolSpec(tier="large", model="planned", engine=engine, parallel=parallel)
    if layout_problems(pool, facts):
        return None
    memory = pool_memory(facts, pool, TARGETS[target].hardware)
    batch = max(memory.sequences, 1)
    step_s = decode_step_s(facts, target, pool, memory, batch, memory.max_context_tokens / 2)
    return Layout(target, precision, pool, memory, batch / step_s)


def _splits(target: Target) -> Iterator[tuple[int, int]]:
    """(tensor, pipeline) by number of devices: tensor parallelism inside a node, pipeline stages over nodes."""
    tensor = 1
    while tensor < target.per_node:
        yield tensor, 1
        tensor *= 2
    yield from ((target.per_node, pipeline) for pipeline in (1, 2, 4) if pipeline <= target.nodes)


def decode_step_s(
    facts: ModelFacts, target: str, pool: PoolSpec, memory: PoolMemory, batch: int, held_tokens: float
) -> float:
    """Least time of a step that generates one token for each of `batch` sequences of `held_tokens` on average.

    Stages of a pipeline work on different batches at once, so one is counted. Of a mixture of experts a step reads the
    experts that at least one sequence of the batch was sent to.
    """
    devices = TARGETS[target]
    missed = (1 - facts.experts_per_token / facts.experts) ** batch if facts.experts else 0.0
    each = weight_bytes_each(facts, pool.engine.options)
    read = memory.weights_gib * 2**30 - facts.routed * missed * each / pool.parallel.devices
    read += batch * held_tokens * memory.kv_bytes_per_token
    arithmetic = 2 * facts.active_parameters * batch / pool.parallel.devices
    return max(read / (devices.bandwidth_gb_s * 1e9), arithmetic / (devices.tflops * 1e12))
