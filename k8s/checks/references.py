"""What objects name must exist: in the output, or made by whoever deploys because the spec names it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from cluster.spec import FleetSpec
from k8s.checks.finding import Finding
from k8s.checks.objects import Manifest, dig, mapping, sequence, text, walk
from k8s.checks.rendered import Rendered

CHECK = "references"
OPERATORS_OWN = ("-serve-svc", "-head-svc")
"""Services that KubeRay makes of a RayService: its name with these behind it."""


def check_references(rendered: Rendered) -> Iterator[Finding]:
    """Everything that is named is there, and everything that is there is named."""
    there = {(each.kind, each.name) for each in rendered.manifests}
    there |= {("Service", each.name + end) for each in rendered.of_kind("RayService") for end in OPERATORS_OWN}
    yours = named_by_spec(rendered.spec)
    named: set[tuple[str, str]] = set()
    for manifest in rendered.manifests:
        for path, kind, name in references(manifest):
            named.add((kind, name))
            if (kind, name) not in there and not (kind in ("Secret", "PersistentVolumeClaim") and name in yours):
                problem = f"names {kind} '{name}', which is neither rendered nor named in the spec: write one that is"
                yield Finding(CHECK, manifest.where(path), problem)
    for manifest in rendered.of_kind("ServiceAccount", "PersistentVolumeClaim", "Secret"):
        if (manifest.kind, manifest.name) not in named:
            yield Finding(CHECK, manifest.where(), "is used by nothing: name it where it belongs, or leave it out")
    yield from _mounts(rendered)


def named_by_spec(spec: FleetSpec) -> set[str]:
    """Names in the spec's `kubernetes` section: what whoever deploys makes, and what others then may name."""
    dumped = spec.kubernetes.model_dump(mode="json")
    names = {value for _, value in walk(dumped) if isinstance(value, str)}
    if spec.kubernetes.redis and spec.kubernetes.redis.password_secret is None:
        names.add(f"{spec.name}-redis")
    return names


def references(manifest: Manifest) -> Iterator[tuple[str, str, str]]:
    """Field path, kind and name of everything that an object names."""
    for path, value in walk(manifest.body):
        if isinstance(value, dict):
            for field, kind, key in FIELDS:
                if isinstance(found := dig(value, field, *key), str):
                    yield f"{path}.{field}", kind, found
            for field, needed in (("secretKeyRef", "name"), ("secretKeyRef", "key")):
                if field in value and not text(value, field, needed):
                    yield f"{path}.{field}.{needed}", "Secret", ""
            for each in sequence(value, "imagePullSecrets"):
                yield f"{path}.imagePullSecrets", "Secret", text(each, "name")
    if manifest.kind == "RayService":
        auth = text(manifest.body, "spec", "rayClusterConfig", "authOptions", "secretName")
        if auth:
            yield "spec.rayClusterConfig.authOptions.secretName", "Secret", auth
    elif manifest.kind == "StatefulSet":
        yield "spec.serviceName", "Service", text(manifest.body, "spec", "serviceName")
    elif manifest.kind == "Ingress":
        for index, each in enumerate(sequence(manifest.body, "spec", "tls")):
            if name := text(each, "secretName"):
                yield f"spec.tls[{index}].secretName", "Secret", name
    elif manifest.kind == "Gateway":
        for index, listener in enumerate(sequence(manifest.body, "spec", "listeners")):
            for each in sequence(listener, "tls", "certificateRefs"):
                yield f"spec.listeners[{index}].tls", text(each, "kind") or "Secret", text(each, "name")
    elif manifest.kind == "HTTPRoute":
        for each in sequence(manifest.body, "spec", "parentRefs"):
            yield "spec.parentRefs", text(each, "kind") or "Gateway", text(each, "name")
        for rule in sequence(manifest.body, "spec", "rules"):
            for each in sequence(rule, "backendRefs"):
                yield "spec.rules", "Service", text(each, "name")


FIELDS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("secretKeyRef", "Secret", ("name",)),
    ("secretRef", "Secret", ("name",)),
    ("secret", "Secret", ("secretName",)),
    ("configMapKeyRef", "ConfigMap", ("name",)),
    ("configMapRef", "ConfigMap", ("name",)),
    ("configMap", "ConfigMap", ("name",)),
    ("persistentVolumeClaim", "PersistentVolumeClaim", ("claimName",)),
    ("serviceAccountName", "ServiceAccount", ()),
    ("service", "Service", ("name",)),
)
"""Fields that name another object, at any depth: field, kind, and where the name stands in it."""


def _mounts(rendered: Rendered) -> Iterator[Finding]:
    """A mount without its volume keeps the pod from being created; a volume without a mount is a mistake too."""
    for pod in rendered.pods():
        volumes = {text(each, "name") for each in sequence(pod.spec, "volumes")}
        volumes |= {text(each, "metadata", "name") for each in _claim_templates(pod.manifest)}
        mounted: set[str] = set()
        for path, container in pod.containers():
            for each in sequence(container, "volumeMounts"):
                mounted.add(text(each, "name"))
                if text(each, "name") not in volumes:
                    where = pod.manifest.where(f"{path}.volumeMounts")
                    yield Finding(CHECK, where, f"mounts '{text(each, 'name')}', no volume of the pod: write it")
        if pod.is_head:
            options = mapping(pod.manifest.body, "spec", "rayClusterConfig", "autoscalerOptions")
            mounted |= {text(each, "name") for each in sequence(options, "volumeMounts")}
        for name in sorted(volumes - mounted):
            problem = f"'{name}' is mounted nowhere: write a mount, or leave it out"
            yield Finding(CHECK, pod.where("spec.volumes"), problem)


def _claim_templates(manifest: Manifest) -> list[Any]:
    return sequence(manifest.body, "spec", "volumeClaimTemplates")
