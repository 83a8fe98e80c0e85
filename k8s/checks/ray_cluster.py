"""Checks the Ray cluster's settings without which it would start but not do what the spec says."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import version

from cluster.problems import invalid, shown
from deployments.config import SERVING_ENVIRONMENT
from k8s.checks.finding import Finding
from k8s.checks.objects import Body, Manifest, dig, mapping, number, sequence, text
from k8s.checks.operator_rules import variable
from k8s.checks.quantity import quantity
from k8s.checks.rendered import RAY_CLUSTER, Pod, Rendered

CHECK = "ray cluster"
HEAD_PORTS = {"gcs-server": 6379, "dashboard": 8265}
"""Names by which KubeRay finds the head's control store and dashboard if any port is listed (common/service.go)."""
SHM = "/dev/shm"
OBJECT_STORE = "object-store-memory"


def check_ray_cluster(rendered: Rendered) -> Iterator[Finding]:
    """Check the autoscaler, the head, and every node's environment and memory."""
    for manifest in rendered.of_kind("RayService"):
        cluster = mapping(manifest.body, "spec", "rayClusterConfig")
        for path, problem in [*_autoscaler(cluster, rendered), *_head(cluster), *_state(cluster, rendered)]:
            yield Finding(CHECK, manifest.where(f"{RAY_CLUSTER}.{path}"), problem)
        yield from _upgrade(manifest, rendered)
    for pod in rendered.ray_pods():
        for path, problem in [*_environment(pod), *_object_store(pod)]:
            yield Finding(CHECK, pod.group_where(path), problem)
    yield from _same_environment(rendered)


def _autoscaler(cluster: Body, rendered: Rendered) -> Iterator[tuple[str, str]]:
    if cluster.get("enableInTreeAutoscaling") is not True:
        yield "enableInTreeAutoscaling", "is not true, use true, or pools find no nodes when they scale up"
    if (found := text(cluster, "autoscalerOptions", "version")) != "v2":
        yield (
            "autoscalerOptions.version",
            f"invalid value '{found}', use v2: only v2 supports labels and groups of ranks",
        )
    for kind in ("requests", "limits"):
        if not mapping(cluster, "autoscalerOptions", "resources", kind).keys() >= {"cpu", "memory"}:
            yield (
                f"autoscalerOptions.resources.{kind}",
                "lacks cpu or memory, set both: KubeRay's default of 512 MiB is too little",
            )
    wanted = rendered.spec.kubernetes.idle_timeout_s
    shared = number(cluster, "autoscalerOptions", "idleTimeoutSeconds")
    for index, group in enumerate(sequence(cluster, "workerGroupSpecs")):
        own = number(group, "idleTimeoutSeconds")
        if (found_s := shared if own is None else own) != wanted:
            problem = invalid(found_s, f"kubernetes.idle_timeout_s, {wanted} (Ray's default is 60)")
            yield f"workerGroupSpecs[{index}].idleTimeoutSeconds", problem


def _head(cluster: Body) -> Iterator[tuple[str, str]]:
    in_manifest, installed = text(cluster, "rayVersion"), version("ray")
    if in_manifest != installed:
        yield "rayVersion", invalid(in_manifest, f"{installed}, the project's version")
    head = mapping(cluster, "headGroupSpec")
    cpus = dig(head, "rayStartParams", "num-cpus") or mapping(head, "resources").get("CPU")
    if cpus != "0":
        yield (
            "headGroupSpec.rayStartParams.num-cpus",
            invalid(cpus, '"0": no rank may run on the head'),
        )
    container = mapping(head, "template", "spec", "containers", 0)
    ports = {text(each, "name"): dig(each, "containerPort") for each in sequence(container, "ports")}
    for name, port in HEAD_PORTS.items():
        if ports.get(name) != port:
            problem = f"the port named {name} is {ports.get(name, 'missing')}, use {port}: KubeRay searches for it"
            yield "headGroupSpec.template.spec.containers[0].ports", problem


def _state(cluster: Body, rendered: Rendered) -> Iterator[tuple[str, str]]:
    """Redis keeps the head's state in prod. The small deployment in dev has no Redis."""
    if rendered.spec.kubernetes.redis is None or rendered.overlay != "prod":
        return
    options = mapping(cluster, "gcsFaultToleranceOptions")
    if not options:
        yield (
            "gcsFaultToleranceOptions",
            "is missing, use kubernetes.redis', or losing the head ends the fleet",
        )
    elif _has_password(rendered) and not text(options, "redisPassword", "valueFrom", "secretKeyRef", "name"):
        yield "gcsFaultToleranceOptions.redisPassword", "names no Secret, use valueFrom.secretKeyRef"


def _has_password(rendered: Rendered) -> bool:
    redis = rendered.spec.kubernetes.redis
    return redis is not None and (redis.address is None or redis.password_secret is not None)


def _upgrade(manifest: Manifest, rendered: Rendered) -> Iterator[Finding]:
    wanted = rendered.spec.kubernetes.upgrade.strategy if rendered.overlay == "prod" else "None"
    if (found := text(manifest.body, "spec", "upgradeStrategy", "type")) != wanted:
        problem = invalid(found, f"{wanted} (KubeRay has another default)")
        yield Finding(CHECK, manifest.where("spec.upgradeStrategy.type"), problem)


def _environment(pod: Pod) -> Iterator[tuple[str, str]]:
    for name, value in SERVING_ENVIRONMENT.items():
        if (found := variable(pod.ray_container, name)) != value:
            yield (
                "template.spec.containers[0].env",
                f"{name} is {'missing' if found is None else shown(found)}, use '{value}'",
            )
    reference = [each for each in sequence(pod.ray_container, "env") if text(each, "name") == "HF_TOKEN"]
    for each in reference:
        if not dig(each, "valueFrom", "secretKeyRef", "optional"):
            problem = "HF_TOKEN blocks pods until a Secret exists, use optional: true: open models need no token"
            yield "template.spec.containers[0].env", problem


def _object_store(pod: Pod) -> Iterator[tuple[str, str]]:
    """Ray's object store uses 30% of the memory by default. Ray fails to start if /dev/shm is smaller."""
    object_store = dig(pod.group, "rayStartParams", OBJECT_STORE)
    mounted = sequence(pod.ray_container, "volumeMounts")
    names = {text(each, "name") for each in mounted if text(each, "mountPath") == SHM}
    volumes = [mapping(each, "emptyDir") for each in sequence(pod.spec, "volumes") if text(each, "name") in names]
    sizes = [quantity(each.get("sizeLimit")) for each in volumes if text(each, "medium") == "Memory"]
    if not sizes or sizes[0] is None:
        yield "template.spec.volumes", f"{SHM} has no known size, use an emptyDir with medium: Memory and a sizeLimit"
    elif (quantity(object_store) or float("inf")) > sizes[0]:
        yield f"rayStartParams.{OBJECT_STORE}", invalid(object_store, f"less than the sizeLimit of {SHM}")


def _same_environment(rendered: Rendered) -> Iterator[Finding]:
    """All nodes must have the same environment variables, because actors run on any node."""
    pods = rendered.ray_pods()
    every = {text(each, "name") for pod in pods for each in sequence(pod.ray_container, "env")}
    for pod in pods:
        for name in sorted(every - {text(each, "name") for each in sequence(pod.ray_container, "env")}):
            problem = f"lacks {name}, set it as on the other nodes of the cluster"
            yield Finding(CHECK, pod.where("spec.containers[0].env"), problem)
