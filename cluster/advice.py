"""What to run on a device type, and why."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from cluster.memory import pool_memory
from cluster.model_facts import ModelFacts
from cluster.plan import (
    PRECISIONS,
    TARGETS,
    Layout,
    kv_mib_per_sequence,
    layout_of,
    precisions,
    smallest_layout,
    weights_gb,
)

COMFORTABLE_SEQUENCES = 8
"""Sequences of the asked context length that should run at once before a layout is recommended."""


@dataclass(frozen=True)
class Advice:
    """What to run on a device type, and why. `layout` is None when nothing fits."""

    target: str
    layout: Layout | None
    engine: str
    reasons: tuple[str, ...]


def advise(facts: ModelFacts, target: str, context: int) -> Advice:
    """Precision, layout and engine for one device type: the widest precision that is comfortable in one node."""
    engine, reasons = _engine(facts, target)
    for precision in (name for name in precisions(facts) if name != "fp32"):
        smallest = smallest_layout(facts, target, precision, context)
        layout = _comfortable(facts, smallest, context) if smallest else None
        if smallest and layout and layout.pipeline == 1:
            return Advice(target, layout, engine, (*reasons, *_why(facts, smallest, layout, context)))
        where = "one node" if layout else "four nodes"
        reasons.append(
            f"{precision}: {_size(weights_gb(facts, precision))} of weights and a sequence do not fit {where}"
        )
    reasons.append("left: offloading weights to the host's memory (DeepSpeed ZeRO), which is slow")
    return Advice(target, None, "deepspeed", tuple(reasons))


def _comfortable(facts: ModelFacts, layout: Layout, context: int) -> Layout:
    """More devices of the node while too few sequences of the context run at once."""
    while layout.pipeline == 1 and layout.memory.sequences < COMFORTABLE_SEQUENCES:
        tensor = 2 * layout.tensor
        if tensor > TARGETS[layout.target].per_node:
            break
        larger = layout_of(facts, layout.target, layout.precision, tensor, 1, context)
        if larger is None:
            break
        layout = larger
    return layout


def _engine(facts: ModelFacts, target: str) -> tuple[str, list[str]]:
    if target == "apple":
        return "remote", ["remote: vLLM does not use Apple's GPU; run llama.cpp or MLC-LLM there"]
    if not TARGETS[target].hardware.device.is_served:
        return "remote", [f"remote: Signalbox starts no engine on {target}; run vLLM's plugin for it there"]
    if not facts.is_counted:
        return "vllm", [f"{facts.architecture} is counted like a Llama: see whether vLLM lists it, else transformers"]
    return "vllm", ["vllm: knows the architecture, and batches continuously"]


def _why(facts: ModelFacts, smallest: Layout, layout: Layout, context: int) -> Iterator[str]:
    weights, memory = weights_gb(facts, layout.precision), layout.memory
    yield (
        f"{layout.precision}: {_size(weights)} of weights on {layout.devices} x {layout.target} leave room for "
        f"{memory.sequences} sequences of {context:,} tokens at once"
    )
    if layout.devices > smallest.devices:
        yield (
            f"not {smallest.devices} x {layout.target}: they hold the weights, and {smallest.memory.sequences} such "
            f"sequences at once; {COMFORTABLE_SEQUENCES} are wanted"
        )
    if fraction := _least_fraction(facts, layout):
        yield f"a part of the card is enough: gpu_fraction: {fraction:g} leaves the rest to other pools"
    if layout.precision in PRECISIONS and layout.precision != "bf16":
        yield "quantised, because 16 bits need more than a node; measure the quality on your own tasks"
    if facts.experts and layout.tensor > 1:
        yield f"experts: set parallel.expert: {layout.tensor} to give each rank whole experts instead of slices"
    if bounded := kv_mib_per_sequence(facts):
        yield f"windows and states: {bounded:,.0f} MiB of KV cache per sequence do not grow with its length"


def _least_fraction(facts: ModelFacts, layout: Layout) -> float | None:
    """The smallest share of the layout's only GPU, in twentieths, that is comfortable; None if it needs all of it."""
    hardware = TARGETS[layout.target].hardware
    if layout.devices > 1 or hardware.device.ray_resource != "GPU":
        return None
    for twentieths in range(1, 20):
        shared = layout.pool.model_copy(update={"gpu_fraction": twentieths / 20})
        if pool_memory(facts, shared, hardware).sequences >= COMFORTABLE_SEQUENCES:
            return shared.gpu_fraction
    return None


def _size(gb: float) -> str:
    return f"{gb:.1f} GB" if gb >= 0.1 else f"{1000 * gb:.1f} MB"
