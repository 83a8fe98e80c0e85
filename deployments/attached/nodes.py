"""The nodes of a running Ray cluster, matched with the spec's hardware."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from cluster.spec import FleetSpec, HardwareSpec
from deployments.hardware.catalogue import in_words, is_gpu_of, ray_type
from deployments.hardware.machine import FoundGpu
from deployments.node_choice import NodeChoice
from deployments.placement import HARDWARE_LABEL
from deployments.start_watch import FleetFailed

NODE_LABEL = "ray.io/node-id"
TYPE_LABEL = "ray.io/accelerator-type"


@dataclass(frozen=True)
class RayNode:
    """A live node, from Ray's state."""

    id: str
    address: str
    cpus: float
    gpus: tuple[FoundGpu, ...]
    """As many as Ray gives to actors, all of the type that Ray has found."""
    labels: Mapping[str, str]
    is_head: bool = False

    @property
    def in_words(self) -> str:
        """Such as `10.0.0.7: 8 x H100, 96 CPUs`."""
        return f"{self.address}: {in_words(self.gpus)}, {self.cpus:g} CPUs"


def choose_nodes(spec: FleetSpec, nodes: Sequence[RayNode]) -> dict[str, NodeChoice]:
    """How Ray finds the nodes of each kind of hardware.

    Nodes that were started with the label `signalbox/hardware=NAME` are found by it. Of the other nodes, each kind of
    hardware takes as many as the spec says, the kind with the most devices per node first.

    Raises:
        FleetFailed: there are too few nodes; the message names the fields and what was found.
    """
    free = [node for node in nodes if node.labels.get(HARDWARE_LABEL) not in spec.hardware]
    choices: dict[str, NodeChoice] = {}
    problems: list[str] = []
    for name, hardware in sorted(spec.hardware.items(), key=lambda each: -each[1].devices_per_node):
        labelled = [node for node in nodes if node.labels.get(HARDWARE_LABEL) == name]
        fitting = [node for node in labelled or free if _fits(hardware, node)]
        if len(fitting) < hardware.nodes:
            problems.append(_too_few(name, hardware, fitting, nodes))
        elif labelled:
            choices[name] = NodeChoice({HARDWARE_LABEL: name}, _type_of(fitting[0]))
        else:
            taken = sorted(fitting, key=_size)[: hardware.nodes]
            choices[name] = _choice(taken, nodes)
            free = [node for node in free if node not in taken]
    if problems:
        raise FleetFailed("\n".join([*problems, "the cluster has:", *(f"  {node.in_words}" for node in nodes)]))
    return choices


def _fits(hardware: HardwareSpec, node: RayNode) -> bool:
    if hardware.is_gpu:
        return sum(is_gpu_of(hardware, gpu) for gpu in node.gpus) >= hardware.devices_per_node
    return not node.gpus and node.cpus >= hardware.devices_per_node


def _size(node: RayNode) -> tuple[int, float]:
    """The smallest nodes that fit are taken first, so that the larger ones are left."""
    return len(node.gpus), node.cpus


def _choice(taken: Sequence[RayNode], nodes: Sequence[RayNode]) -> NodeChoice:
    """The accelerator type if it means exactly these nodes, because it survives their replacement; else their ids."""
    found = _type_of(taken[0])
    if found and taken[0].labels.get(TYPE_LABEL) == found:
        same = {node.id for node in nodes if node.labels.get(TYPE_LABEL) == found}
        if same == {node.id for node in taken}:
            return NodeChoice({TYPE_LABEL: found}, found)
    return NodeChoice({NODE_LABEL: f"in({','.join(node.id for node in taken)})"}, found)


def _type_of(node: RayNode) -> str | None:
    return node.gpus[0].ray_type if node.gpus else None


def _too_few(name: str, hardware: HardwareSpec, fitting: Sequence[RayNode], nodes: Sequence[RayNode]) -> str:
    kind = ray_type(hardware) or "CPUs and no GPU"
    each = f"{hardware.devices_per_node} {kind}" if hardware.devices_per_node > 1 or hardware.is_gpu else "a CPU"
    advice = f"use {len(fitting)}" if fitting else "lower devices_per_node, or write the device that is there"
    return (
        f"hardware.{name}.nodes: {hardware.nodes} with {each} are asked for, {len(fitting)} of the cluster's "
        f"{len(nodes)} nodes have that and are free: {advice}, or add nodes"
    )
