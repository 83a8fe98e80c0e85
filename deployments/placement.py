"""Where replicas go: Ray actor options, placement groups and node labels of a pool."""

from __future__ import annotations

from typing import Any

from cluster.spec import FleetSpec, HardwareSpec

HARDWARE_LABEL = "signalbox/hardware"
"""Node label whose value is a name from the spec's `hardware` section: a kind of node, never a pool."""


def bundle(hardware: HardwareSpec, share: float = 1) -> dict[str, float]:
    """Ray resources of one rank, which takes a device or a share of one. Ray puts shares that fit on one device."""
    device = hardware.device
    if not device.is_gpu:
        return {"CPU": 1}
    resources = {"CPU": 1, device.ray_resource: share}
    # A token amount of the accelerator type: without it Ray's autoscaler may launch a node of another GPU.
    return resources | ({f"accelerator_type:{device.ray_type}": 0.001} if device.ray_type else {})


def labels(spec: FleetSpec, pool: str) -> dict[str, str]:
    """Label selector of the nodes a pool may use."""
    return {HARDWARE_LABEL: spec.hardware_name(pool)}


def actor_options(spec: FleetSpec, pool: str) -> dict[str, Any]:
    """Options of the replica actor. It uses the first bundle of a group, or takes its ranks' resources itself."""
    if not spec.pools[pool].devices:
        return {"num_cpus": 0}
    if uses_group(spec, pool) and not spec.pools[pool].engine.traits.replica_is_rank:
        return {"num_cpus": 1}
    ranks = 1 if uses_group(spec, pool) else spec.pools[pool].parallel.devices
    of_rank = bundle(spec.hardware_of(pool), spec.pools[pool].gpu_fraction)
    resources = {name: amount * ranks for name, amount in of_rank.items()}
    return {
        "num_cpus": resources.pop("CPU"),
        "num_gpus": resources.pop("GPU", 0),
        "resources": resources,
        **({} if uses_group(spec, pool) else {"label_selector": labels(spec, pool)}),
    }


def uses_group(spec: FleetSpec, pool: str) -> bool:
    """Whether a replica's ranks are Ray actors in a placement group.

    Copies that share a node are not: they are processes next to the replica, which therefore holds all devices.
    """
    return spec.pools[pool].parallel.devices > 1 and not spec.pools[pool].copies_share_a_node


def placement_options(spec: FleetSpec, pool: str) -> dict[str, Any]:
    """The placement group of a replica with several ranks: one bundle for each, in the spec's strategy."""
    if not uses_group(spec, pool):
        return {}
    ranks = spec.pools[pool].parallel.devices
    return {
        "placement_group_bundles": [bundle(spec.hardware_of(pool))] * ranks,
        "placement_group_strategy": spec.pools[pool].placement.upper(),
        "placement_group_bundle_label_selector": [labels(spec, pool)] * ranks,
    }
