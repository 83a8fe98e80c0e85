"""How large a node's pod is, and how many of a kind there have to be."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass

from cluster.kubernetes import NodesSpec, TolerationSpec
from cluster.placing import unplaced
from cluster.spec import FleetSpec
from deployments.placement import HARDWARE_LABEL
from k8s.errors import RenderError

CPUS_PER_DEVICE = 3
"""A cloud's machine with one small GPU has four CPUs, of which Kubernetes itself keeps some."""
MEMORY_GIB_PER_DEVICE = 12
"""Such a machine has 16 GiB. A rank takes about 5; its weights go through memory file by file."""
SHM_GIB_PER_DEVICE = 2
OBJECT_STORE_BYTES = 500 * 10**6
"""Frames travel over gRPC: Ray's object store, a third of the memory by default, is hardly used."""


@dataclass(frozen=True)
class NodeSize:
    """A pod that is one node of a kind of hardware."""

    cpus: int
    memory_gib: int
    shm_gib: int
    devices: int
    """Devices that Kubernetes has to give the pod; 0 for `cpu` hardware."""
    device_resource: str
    """Name of the devices' resource."""


def nodes_section(spec: FleetSpec, hardware: str) -> NodesSpec:
    """What the spec says of a kind of hardware on Kubernetes."""
    return spec.kubernetes.hardware.get(hardware, NodesSpec())


def node_size(spec: FleetSpec, hardware: str) -> NodeSize:
    """The size of a kind's pods."""
    kind, written = spec.hardware[hardware], nodes_section(spec, hardware)
    count = kind.devices_per_node
    if kind.is_gpu:
        cpus = CPUS_PER_DEVICE * count
        memory = max(MEMORY_GIB_PER_DEVICE, round(kind.device_memory_gib / 2)) * count
    else:
        cpus, memory = count, round(kind.device_memory_gib * count) + 2
    default_resource = "amd.com/gpu" if kind.device.startswith("MI") else "nvidia.com/gpu"
    return NodeSize(
        cpus=written.cpus or cpus,
        memory_gib=written.memory_gib or memory,
        shm_gib=written.shm_gib or (SHM_GIB_PER_DEVICE * count + 1 if kind.is_gpu else 1),
        devices=count if kind.is_gpu else 0,
        device_resource=written.device_resource or default_resource,
    )


def node_selector(spec: FleetSpec, hardware: str) -> dict[str, str]:
    """Labels of the Kubernetes nodes that a kind runs on."""
    written = nodes_section(spec, hardware).node_selector
    return {HARDWARE_LABEL: hardware} if written is None else written


def tolerations(spec: FleetSpec, hardware: str) -> tuple[TolerationSpec, ...]:
    """Taints that a kind's pods tolerate."""
    written, size = nodes_section(spec, hardware).tolerations, node_size(spec, hardware)
    if written is not None:
        return written
    return (TolerationSpec(key=size.device_resource),) if size.devices else ()


def used_hardware(spec: FleetSpec) -> list[str]:
    """Kinds of hardware that pools run on, sorted."""
    return sorted({spec.hardware_name(name) for name, pool in spec.pools.items() if pool.devices})


def nodes_needed(spec: FleetSpec, hardware: str) -> int:
    """Fewest nodes of a kind on which the minimum replicas of its pools can be placed together.

    Raises:
        RenderError: all nodes together are too few.
    """
    kind = spec.hardware[hardware]

    def fits(nodes: int) -> bool:
        kinds = spec.hardware | {hardware: kind.model_copy(update={"nodes": nodes})}
        return not unplaced(spec.model_copy(update={"hardware": kinds}), hardware)

    needed = bisect_left(range(kind.nodes + 1), True, key=fits)
    if needed > kind.nodes:
        left = ", ".join(unplaced(spec, hardware))
        raise RenderError(
            {f"hardware.{hardware}": f"no room for the minimum replicas of {left}: run `signalbox check`"}
        )
    return needed


def hosts_per_replica(spec: FleetSpec, hardware: str) -> int:
    """Whole nodes that always come and go together; 1 where nodes are shared.

    Only where one pool has a kind of hardware to itself and each of its replicas takes several nodes to the last
    device, is a node without the others worth nothing.
    """
    pools = [pool for name, pool in spec.pools.items() if pool.devices and spec.hardware_name(name) == hardware]
    per_node = spec.hardware[hardware].devices_per_node
    if len(pools) != 1:
        return 1
    (pool,) = pools
    spread_thin = pool.placement == "strict_spread" and per_node > 1
    if spread_thin or pool.devices % per_node:
        return 1
    return pool.devices // per_node
