"""The Ray nodes of a local cluster: the spec's hardware, matched with the GPUs of this machine."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from cluster.spec import FleetSpec, HardwareSpec
from deployments.hardware.catalogue import device_name, in_words, is_gpu_of, ray_type, written
from deployments.hardware.machine import FoundGpu, Machine
from deployments.start_watch import FleetFailed

RANKS_PER_GPU = 16
"""The most pools that may share a GPU here."""
ELSEWHERE = "or use --address of a Ray cluster that has such nodes"


@dataclass(frozen=True)
class NodePlan:
    """One Ray node of the local cluster."""

    hardware: str
    cpus: int
    """CPUs of Ray, one for each rank. Nothing binds a rank to it."""
    gpus: tuple[str, ...] = ()
    """Ids of its GPUs, as in the driver's variable of visible devices."""
    accelerator_type: str | None = None
    """Ray's name of its GPUs, as pools ask for it."""


def needs_gpus(spec: FleetSpec) -> bool:
    """Whether any hardware of a spec has GPUs."""
    return any(hardware.is_gpu for hardware in spec.hardware.values())


def plan_nodes(spec: FleetSpec, machine: Machine) -> list[NodePlan]:
    """The nodes to start, the head first. Each kind of GPU hardware is one node, because ranks of vLLM need an address
    for each node, and a machine has one.

    Raises:
        FleetFailed: the machine does not have the spec's GPUs; the message says what to write.
    """
    free = list(machine.gpus)
    plans: list[NodePlan] = []
    problems: list[str] = []
    for name, hardware in spec.hardware.items():
        if not hardware.is_gpu:
            plans += [NodePlan(name, hardware.devices_per_node)] * hardware.nodes
            continue
        fitting = [gpu for gpu in free if is_gpu_of(hardware, gpu)]
        if wrong := list(_mismatch(name, hardware, fitting, free)):
            problems += wrong
            continue
        taken = fitting[: hardware.devices_per_node]
        free = [gpu for gpu in free if gpu not in taken]
        ids = tuple(gpu.id for gpu in taken)
        plans.append(NodePlan(name, RANKS_PER_GPU * len(ids), ids, ray_type(hardware)))
    if problems:
        raise FleetFailed("\n".join(problems))
    return plans


def _mismatch(name: str, hardware: HardwareSpec, fitting: list[FoundGpu], free: list[FoundGpu]) -> Iterator[str]:
    """By field: what the spec says, what was found, and what to write."""
    if not fitting:
        yield f"hardware.{name}.device: {_instead(hardware, free)}"
    elif len(fitting) < hardware.devices_per_node:
        yield (
            f"hardware.{name}.devices_per_node: {hardware.devices_per_node} are asked for, this machine has "
            f"{in_words(fitting)}: use {len(fitting)}, {ELSEWHERE}"
        )
    if hardware.nodes > 1:
        yield f"hardware.{name}.nodes: {hardware.nodes} are asked for, this machine is one: use 1, {ELSEWHERE}"


def _instead(hardware: HardwareSpec, free: list[FoundGpu]) -> str:
    asked = (
        f"{written(hardware)} with {hardware.device_memory_gib:g} GiB is asked for, this machine has {in_words(free)}"
    )
    if not free:
        return f"{asked}: use cpu with a small model (`signalbox init` writes such a spec), {ELSEWHERE}"
    name = device_name(free[0])
    advice = f"use {name}" if name else "use a device of docs/spec.md that matches it"
    return f"{asked}: {advice}, {ELSEWHERE}"
