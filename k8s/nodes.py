"""Size of a node's pod, and the number of nodes that a kind of hardware needs."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass

from cluster.kubernetes.pods import NodesSpec, TolerationSpec
from cluster.placing import ranks_per_device, unplaced
from cluster.sharing import devices_taken
from cluster.spec import FleetSpec
from deployments.placement import HARDWARE_LABEL
from k8s.errors import RenderError

CPUS_PER_DEVICE = 3
"""A cloud machine with one small GPU has four CPUs, and Kubernetes reserves a part of them."""
MEMORY_GIB_PER_DEVICE = 12
"""Such a machine has 16 GiB. A rank needs about 5 GiB, because it loads its weights file by file."""
MEMORY_GIB_PER_RANK = 6
SHM_GIB_PER_DEVICE = 2
OBJECT_STORE_BYTES = 500 * 10**6
"""Size of Ray's object store. Ray's default is 30% of the memory, but frames travel over gRPC and hardly use it."""


@dataclass(frozen=True)
class NodeSize:
    """Size of a pod that is one node of a kind of hardware."""

    cpus: int
    memory_gib: int
    shm_gib: int
    devices: int
    """Devices that the pod requests from Kubernetes; 0 for `cpu` hardware."""
    device_resource: str
    """Kubernetes' resource name of the devices."""


def nodes_section(spec: FleetSpec, hardware: str) -> NodesSpec:
    """The spec's Kubernetes settings of a kind of hardware."""
    return spec.kubernetes.hardware.get(hardware, NodesSpec())


def node_size(spec: FleetSpec, hardware: str) -> NodeSize:
    """The pod size of a kind of hardware."""
    kind, section = spec.hardware[hardware], nodes_section(spec, hardware)
    count = kind.devices_per_node
    if kind.is_gpu:
        ranks = ranks_per_device(spec, hardware)
        cpus = max(CPUS_PER_DEVICE, ranks) * count
        memory = max(MEMORY_GIB_PER_DEVICE, MEMORY_GIB_PER_RANK * ranks, round(kind.device_memory_gib / 2)) * count
    else:
        cpus, memory = count, round(kind.device_memory_gib * count) + 2
    return NodeSize(
        cpus=section.cpus or cpus,
        memory_gib=section.memory_gib or memory,
        shm_gib=section.shm_gib or (SHM_GIB_PER_DEVICE * count + 1 if kind.is_gpu else 1),
        devices=count if kind.is_gpu else 0,
        device_resource=section.device_resource or kind.device.resource,
    )


def node_selector(spec: FleetSpec, hardware: str) -> dict[str, str]:
    """Labels of the Kubernetes nodes for a kind of hardware."""
    selector = nodes_section(spec, hardware).node_selector
    return {HARDWARE_LABEL: hardware} if selector is None else selector


def tolerations(spec: FleetSpec, hardware: str) -> tuple[TolerationSpec, ...]:
    """Taints that the pods of a kind of hardware tolerate."""
    configured, size = nodes_section(spec, hardware).tolerations, node_size(spec, hardware)
    if configured is not None:
        return configured
    return (TolerationSpec(key=size.device_resource),) if size.devices else ()


def used_hardware(spec: FleetSpec) -> list[str]:
    """Kinds of hardware that the pools use, sorted."""
    return sorted({spec.hardware_name(name) for name, pool in spec.pools.items() if pool.devices})


def nodes_needed(spec: FleetSpec, hardware: str) -> int:
    """Smallest number of nodes that holds the minimum replicas of all pools of a kind of hardware.

    Raises:
        RenderError: all nodes of the kind are not enough.
    """
    kind = spec.hardware[hardware]

    def fits(nodes: int) -> bool:
        kinds = spec.hardware | {hardware: kind.model_copy(update={"nodes": nodes})}
        return not unplaced(spec.model_copy(update={"hardware": kinds}), hardware)

    needed = bisect_left(range(kind.nodes + 1), True, key=fits)
    if needed > kind.nodes:
        left = ", ".join(unplaced(spec, hardware))
        raise RenderError(
            {f"hardware.{hardware}": f"has no room for the minimum replicas of {left}, run `signalbox check`"}
        )
    return needed


def ready_nodes(spec: FleetSpec, hardware: str) -> int:
    """Number of nodes of a kind that are ready for certain while all pools have their minimum replicas.

    A node is ready while it hosts a replica's own process; nodes with other ranks alone are not. The number counts the
    devices that are certainly on the same nodes as these processes, packed as tightly as they can be.
    """
    together = []
    for name, pool in spec.pools.items():
        if pool.devices and spec.hardware_name(name) == hardware:
            on_one_node = pool.placement == "strict_pack" or pool.copies_share_a_node
            certain = pool.device_share if on_one_node else min(pool.device_share, 1)
            together.append((hardware, certain, pool.replicas.min))
    return -(-devices_taken(together) // spec.hardware[hardware].devices_per_node)


def hosts_per_replica(spec: FleetSpec, hardware: str) -> int:
    """Number of nodes that always start and stop together; 1 if replicas share nodes.

    Nodes form such a group only if one pool alone uses the hardware and each of its replicas fills several nodes
    completely. A single node of the group would then be useless.
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
