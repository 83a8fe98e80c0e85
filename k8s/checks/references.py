"""Checks that every referenced object exists in the output, or is named in the spec for you to create."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from cluster.spec import FleetSpec
from k8s.checks.finding import Finding
from k8s.checks.objects import Body, Manifest, mapping, sequence, text, walk
from k8s.checks.rendered import Rendered
from k8s.names import redis_secret

CHECK = "references"
NAMES = {
    "secretName": "Secret",
    "claimName": "PersistentVolumeClaim",
    "serviceAccountName": "ServiceAccount",
    "serviceName": "Service",
}
"""Fields with the name of another object, at any depth, and its kind."""
OBJECTS = {
    "secretKeyRef": "Secret",
    "secretRef": "Secret",
    "configMapKeyRef": "ConfigMap",
    "configMapRef": "ConfigMap",
    "configMap": "ConfigMap",
    "service": "Service",
}
"""Fields with a mapping that contains the name."""
LISTS = {"imagePullSecrets": "Secret", "certificateRefs": "Secret", "parentRefs": "Gateway", "backendRefs": "Service"}
"""Fields with a list of such mappings, which may contain the kind."""
OPERATORS_OWN = ("-serve-svc", "-head-svc")
"""Suffixes of the Services that KubeRay creates for a RayService."""


def check_references(rendered: Rendered) -> Iterator[Finding]:
    """Every referenced object exists, and every object is referenced."""
    existing = {(each.kind, each.name) for each in rendered.manifests}
    existing |= {("Service", each.name + end) for each in rendered.of_kind("RayService") for end in OPERATORS_OWN}
    existing |= _in_patches(rendered.spec)
    external = named_by_spec(rendered.spec)
    referenced: set[tuple[str, str]] = set()
    for manifest in rendered.manifests:
        for path, kind, name in references(manifest.body):
            referenced.add((kind, name))
            if (kind, name) not in existing and not (kind in ("Secret", "PersistentVolumeClaim") and name in external):
                problem = f"unknown {kind} '{name}', use one that is rendered or named in the spec"
                yield Finding(CHECK, manifest.where(path), problem)
    for manifest in rendered.of_kind("ServiceAccount", "PersistentVolumeClaim", "Secret"):
        if (manifest.kind, manifest.name) not in referenced:
            yield Finding(CHECK, manifest.where(), "is not used, reference it or leave it out")
    yield from _mounts(rendered)


def named_by_spec(spec: FleetSpec) -> set[str]:
    """Secrets and claims that the spec's `kubernetes` section names. You create them before deploying."""
    fields = walk(spec.kubernetes.model_dump(mode="json"))
    return {value for path, value in fields if path.endswith(("secret", "claim")) and value} | {redis_secret(spec)}


def _in_patches(spec: FleetSpec) -> set[tuple[str, str]]:
    """Kind and name of every object that a patch of the spec references. You create them before deploying."""
    section = spec.kubernetes
    patches = [section.pod_patch, section.head_patch, *(each.pod_patch for each in section.hardware.values())]
    return {(kind, name) for patch in patches for _, kind, name in references(patch)}


def references(body: Body) -> Iterator[tuple[str, str, str]]:
    """Field path, kind and name of every object that a manifest, or a part of one, references."""
    for path, value in walk(body):
        for field, found in mapping(value).items():
            here = f"{path}.{field}"
            if field in NAMES and isinstance(found, str):
                yield here, NAMES[field], found
            elif field in OBJECTS and isinstance(found, dict):
                yield here, OBJECTS[field], text(found, "name")
            elif field in LISTS:
                for each in sequence(value, field):
                    yield here, text(each, "kind") or LISTS[field], text(each, "name")


def _mounts(rendered: Rendered) -> Iterator[Finding]:
    """A mount without a volume prevents the pod's creation; a volume without a mount is a mistake too."""
    for pod in rendered.pods():
        volumes = {text(each, "name") for each in sequence(pod.spec, "volumes")}
        volumes |= {text(each, "metadata", "name") for each in _claim_templates(pod.manifest)}
        mounted: set[str] = set()
        for path, container in pod.containers():
            for each in sequence(container, "volumeMounts"):
                mounted.add(text(each, "name"))
                if text(each, "name") not in volumes:
                    where = pod.manifest.where(f"{path}.volumeMounts")
                    yield Finding(
                        CHECK, where, f"mounts '{text(each, 'name')}', which is not a volume of the pod, add it"
                    )
        if pod.is_head:
            options = mapping(pod.manifest.body, "spec", "rayClusterConfig", "autoscalerOptions")
            mounted |= {text(each, "name") for each in sequence(options, "volumeMounts")}
        for name in sorted(volumes - mounted):
            problem = f"'{name}' is not mounted, mount it or leave it out"
            yield Finding(CHECK, pod.where("spec.volumes"), problem)


def _claim_templates(manifest: Manifest) -> list[Any]:
    return sequence(manifest.body, "spec", "volumeClaimTemplates")
