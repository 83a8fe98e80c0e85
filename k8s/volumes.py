"""Folders that outlive pods: weights, `cache_folder` and `routing.state_folder`, at one path on every node."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from cluster.kubernetes import VolumeSpec
from cluster.spec import FleetSpec
from k8s.names import metadata
from k8s.yaml_text import Key


@dataclass(frozen=True)
class Mounted:
    """A volume and where pods see it."""

    name: str
    path: str
    spec: VolumeSpec


def mounted(spec: FleetSpec) -> list[Mounted]:
    """The fleet's volumes, in the order of their names."""
    section, found = spec.kubernetes, []
    if spec.cache_folder:
        found.append(Mounted("cache", spec.cache_folder, section.cache))
    if spec.routing.state_folder:
        found.append(Mounted("state", spec.routing.state_folder, section.state))
    if section.weights:
        found.append(Mounted("weights", section.weights.mount, section.weights))
    return found


def claims(spec: FleetSpec) -> list[dict[str, Any]]:
    """The claims to make."""
    return [_claim(spec, each) for each in mounted(spec) if not (each.spec.claim or each.spec.host_path)]


def pod_volumes(spec: FleetSpec, shm_gib: int) -> list[dict[str, Any]]:
    """A pod's volumes."""
    shm = {
        Key("name", "Ranks and Ray's object store share memory here; a container's own 64 MB stop NCCL."): "shared-mem",
        "emptyDir": {"medium": "Memory", "sizeLimit": f"{shm_gib}Gi"},
    }
    return [shm, *(_volume(spec, each) for each in mounted(spec))]


def pod_mounts(spec: FleetSpec) -> list[dict[str, Any]]:
    """A container's mounts."""
    shm = {"name": "shared-mem", "mountPath": "/dev/shm"}
    return [shm, *({"name": each.name, "mountPath": each.path} for each in mounted(spec))]


def hub_folder(spec: FleetSpec) -> str | None:
    """Where weights of models with a hub id are kept, on a volume; None where each pod downloads them anew."""
    weights = spec.kubernetes.weights
    return f"{weights.mount}/huggingface" if weights else None


def on_node_disks(spec: FleetSpec) -> bool:
    """Whether a volume is a folder of the node's own, which Kubernetes' stricter pod standards forbid."""
    return any(each.spec.host_path for each in mounted(spec))


def _claim_name(spec: FleetSpec, volume: Mounted) -> str:
    return volume.spec.claim or f"{spec.name}-{volume.name}"


def _claim(spec: FleetSpec, volume: Mounted) -> dict[str, Any]:
    wanted: dict[str, Any] = {
        Key("accessModes", "Nodes come and go, and each mounts it."): ["ReadWriteMany"],
        "resources": {"requests": {"storage": volume.spec.size}},
    }
    if volume.spec.storage_class:
        wanted["storageClassName"] = volume.spec.storage_class
    return {
        "apiVersion": "v1",
        "kind": "PersistentVolumeClaim",
        "metadata": metadata(spec, _claim_name(spec, volume)),
        "spec": wanted,
    }


def _volume(spec: FleetSpec, volume: Mounted) -> dict[str, Any]:
    if volume.spec.host_path:
        source: dict[str, Any] = {"hostPath": {"path": volume.spec.host_path, "type": "DirectoryOrCreate"}}
    else:
        source = {"persistentVolumeClaim": {"claimName": _claim_name(spec, volume)}}
    return {"name": volume.name, **source}
