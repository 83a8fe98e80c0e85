"""A built overlay as the checks see it: its objects by kind, its pods and its RayService."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cluster.spec import FleetSpec
from deployments.config import GATEWAY_NODES
from deployments.placement import HARDWARE_LABEL
from k8s.checks.objects import Body, Manifest, mapping, sequence, text

EVERY_FLEETS = ("ray.io/", "app.kubernetes.io/", *GATEWAY_NODES, HARDWARE_LABEL)
"""How labels begin that pods of several fleets may have."""
RAY_CLUSTER = "spec.rayClusterConfig"
HEAD_GROUP = "headgroup"
"""KubeRay's name for the head's group (ray-operator, controllers/ray/utils/constant.go)."""
UNKNOWN = "\0"
"""Placeholder for a label value that only the operator knows. It never equals a real value."""


@dataclass(frozen=True)
class Pod:
    """A pod template of any manifest."""

    manifest: Manifest
    path: str
    """Field path of the template in its manifest."""
    template: Body
    labels: dict[str, str]
    """Labels of its pods, including those that the operator adds."""
    group: Body
    """The worker or head group of a Ray node; empty for other workloads."""
    is_head: bool = False

    @property
    def is_ray(self) -> bool:
        """Whether its pods are nodes of the Ray cluster."""
        return bool(self.group)

    @property
    def is_for_gateways(self) -> bool:
        """Whether its pods are nodes for gateways."""
        return mapping(self.group, "labels").items() >= GATEWAY_NODES.items()

    @property
    def title(self) -> str:
        """A name of these pods for messages."""
        if not self.is_ray:
            return f"{self.manifest.kind} {self.manifest.name}"
        return "head group" if self.is_head else f"worker group {text(self.group, 'groupName')}"

    @property
    def shared_labels(self) -> dict[str, str]:
        """Labels that pods of other fleets have as well."""
        return {key: value for key, value in self.labels.items() if key.startswith(EVERY_FLEETS)}

    @property
    def spec(self) -> Body:
        """The pod's spec."""
        return mapping(self.template, "spec")

    @property
    def group_path(self) -> str:
        """Field path of the group of a Ray node."""
        return self.path.removesuffix(".template")

    def containers(self) -> Iterator[tuple[str, Body]]:
        """Each container, including init containers, with its field path."""
        for field in ("initContainers", "containers"):
            for index, container in enumerate(sequence(self.spec, field)):
                yield f"{self.path}.spec.{field}[{index}]", mapping(container)

    @property
    def ray_container(self) -> Body:
        """The first container, which runs Ray."""
        return mapping(self.spec, "containers", 0)

    def where(self, path: str = "") -> str:
        """A location in the template, for findings."""
        return self.manifest.where(f"{self.path}.{path}" if path else self.path)

    def group_where(self, path: str = "") -> str:
        """A location in the group of a Ray node, for findings."""
        return self.manifest.where(f"{self.group_path}.{path}" if path else self.group_path)


@dataclass(frozen=True)
class Rendered:
    """One built overlay with its spec."""

    overlay: str
    manifests: tuple[Manifest, ...]
    spec: FleetSpec
    crds: Path | None = None
    """Folder of CustomResourceDefinitions."""

    def of_kind(self, *kinds: str) -> list[Manifest]:
        """The objects of the given kinds."""
        return [each for each in self.manifests if each.kind in kinds]

    def pods(self) -> list[Pod]:
        """Every pod template."""
        return [pod for each in self.manifests for pod in _pods(each)]

    def ray_pods(self) -> list[Pod]:
        """The head and the worker groups."""
        return [pod for pod in self.pods() if pod.is_ray]

    def workers(self) -> list[Pod]:
        """The worker groups with the spec's hardware."""
        return [pod for pod in self.ray_pods() if not (pod.is_head or pod.is_for_gateways)]


def _pods(manifest: Manifest) -> Iterator[Pod]:
    if manifest.kind == "RayService":
        cluster = mapping(manifest.body, "spec", "rayClusterConfig")
        head = mapping(cluster, "headGroupSpec")
        yield _ray_pod(manifest, f"{RAY_CLUSTER}.headGroupSpec", head, is_head=True)
        for index, group in enumerate(sequence(cluster, "workerGroupSpecs")):
            yield _ray_pod(manifest, f"{RAY_CLUSTER}.workerGroupSpecs[{index}]", mapping(group), is_head=False)
    elif manifest.kind in ("Deployment", "StatefulSet", "DaemonSet", "Job"):
        template = mapping(manifest.body, "spec", "template")
        yield Pod(manifest, "spec.template", template, _labels(template), {})


def _ray_pod(manifest: Manifest, path: str, group: Body, is_head: bool) -> Pod:
    template = mapping(group, "template")
    labels = {
        "app.kubernetes.io/name": "kuberay",
        "app.kubernetes.io/created-by": "kuberay-operator",
        **_labels(template),
        # KubeRay sets these on every pod and allows no override (ray-operator, common/pod.go, labelPod, BuildPod).
        "ray.io/is-ray-node": "yes",
        "ray.io/node-type": "head" if is_head else "worker",
        "ray.io/group": HEAD_GROUP if is_head else text(group, "groupName"),
        "ray.io/serve": "true",
        "ray.io/cluster": UNKNOWN,  # the name of the RayService with a suffix that changes with every upgrade
    }
    return Pod(manifest, f"{path}.template", template, labels, group or {"groupName": ""}, is_head)


def _labels(template: Any) -> dict[str, str]:
    return {str(key): str(value) for key, value in mapping(template, "metadata", "labels").items()}
