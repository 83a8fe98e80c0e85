"""Volumes that outlive pods: weights, `cache_folder` and `routing.state_folder`, at the same path on every node."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from cluster.kubernetes.storage import VolumeSpec
from cluster.spec import FleetSpec
from k8s.names import KEPT, metadata
from k8s.yaml_text import Key


@dataclass(frozen=True)
class Mounted:
    """A volume and its path in the pods."""

    name: str
    path: str
    spec: VolumeSpec


def mounted(spec: FleetSpec) -> list[Mounted]:
    """The fleet's volumes, sorted by name."""
    section, volumes = spec.kubernetes, []
    if spec.cache_folder:
        volumes.append(Mounted("cache", spec.cache_folder, section.cache))
    if spec.routing.state_folder:
        volumes.append(Mounted("state", spec.routing.state_folder, section.state))
    if section.weights:
        volumes.append(Mounted("weights", section.weights.mount, section.weights))
    return volumes


def claims(spec: FleetSpec) -> list[dict[str, Any]]:
    """The PersistentVolumeClaims to create."""
    return [_claim(spec, each) for each in mounted(spec) if not (each.spec.claim or each.spec.host_path)]


def pod_volumes(spec: FleetSpec, shm_gib: int) -> list[dict[str, Any]]:
    """A pod's volumes."""
    shm = {
        Key("name", "Shared memory for ranks and Ray's object store; the default of 64 MB breaks NCCL."): "shared-mem",
        "emptyDir": {"medium": "Memory", "sizeLimit": f"{shm_gib}Gi"},
    }
    return [shm, *(volume_of(spec, each) for each in mounted(spec))]


def pod_mounts(spec: FleetSpec) -> list[dict[str, Any]]:
    """A container's mounts."""
    shm = {"name": "shared-mem", "mountPath": "/dev/shm"}
    return [shm, *({"name": each.name, "mountPath": each.path} for each in mounted(spec))]


def hub_folder(spec: FleetSpec) -> str | None:
    """The folder on a volume for models with a hub id; None if every pod downloads them again."""
    weights = spec.kubernetes.weights
    return f"{weights.mount}/huggingface" if weights else None


def hub_volume(spec: FleetSpec) -> Mounted | None:
    """The volume that models with a hub id are read from: `cache_folder`'s, if the spec has one, else the weights'."""
    by_name = {each.name: each for each in mounted(spec)}
    return by_name.get("cache") or by_name.get("weights")


def on_node_disks(spec: FleetSpec) -> bool:
    """Whether a volume is a folder of the node, which Kubernetes' stricter pod standards forbid."""
    return any(each.spec.host_path for each in mounted(spec))


def _claim_name(spec: FleetSpec, volume: Mounted) -> str:
    return volume.spec.claim or f"{spec.name}-{volume.name}"


def _claim(spec: FleetSpec, volume: Mounted) -> dict[str, Any]:
    claim: dict[str, Any] = {
        Key("accessModes", "Nodes start and stop, and each mounts it."): ["ReadWriteMany"],
        "resources": {"requests": {"storage": volume.spec.size}},
    }
    if volume.spec.storage_class:
        claim["storageClassName"] = volume.spec.storage_class
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": metadata(spec, _claim_name(spec, volume), **KEPT),
        "spec": claim,
    }


def volume_of(spec: FleetSpec, volume: Mounted) -> dict[str, Any]:
    """A pod's volume."""
    if volume.spec.host_path:
        source: dict[str, Any] = {"hostPath": {"path": volume.spec.host_path, "type": "DirectoryOrCreate"}}
    else:
        source = {"persistentVolumeClaim": {"claimName": _claim_name(spec, volume)}}
    return {"name": volume.name, **source}
