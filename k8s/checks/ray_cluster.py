"""The Ray cluster's own settings: those without which it starts and then does something else than the spec says."""

from __future__ import annotations

from collections.abc import Iterator
from importlib.metadata import version

from cluster.problems import shown
from deployments.config import SERVING_ENVIRONMENT
from k8s.checks.finding import Finding
from k8s.checks.objects import Body, Manifest, dig, mapping, number, sequence, text
from k8s.checks.operator_rules import variable
from k8s.checks.quantity import quantity
from k8s.checks.rendered import RAY_CLUSTER, Pod, Rendered

CHECK = "ray cluster"
HEAD_PORTS = {"gcs-server": 6379, "dashboard": 8265}
"""By these names KubeRay finds the head's control store and dashboard, once any port is written (common/service.go)."""
SHM = "/dev/shm"
OBJECT_STORE = "object-store-memory"


def check_ray_cluster(rendered: Rendered) -> Iterator[Finding]:
    """Autoscaler, head, environment, memory of every node."""
    for manifest in rendered.of_kind("RayService"):
        cluster = mapping(manifest.body, "spec", "rayClusterConfig")
        for path, problem in [*_autoscaler(cluster, rendered), *_head(cluster), *_state(cluster, rendered)]:
            yield Finding(CHECK, manifest.where(f"{RAY_CLUSTER}.{path}"), problem)
        yield from _upgrade(manifest, rendered)
    for pod in rendered.ray_pods():
        for path, problem in [*_environment(pod), *_object_store(pod)]:
            yield Finding(CHECK, pod.group_where(path), problem)
    yield from _alike(rendered)


def _autoscaler(cluster: Body, rendered: Rendered) -> Iterator[tuple[str, str]]:
    if cluster.get("enableInTreeAutoscaling") is not True:
        yield "enableInTreeAutoscaling", "is not true: pools that grow would find no nodes, write true"
    if (found := text(cluster, "autoscalerOptions", "version")) != "v2":
        yield "autoscalerOptions.version", f"found '{found}': only v2 knows labels and gangs of ranks, write v2"
    for kind in ("requests", "limits"):
        if not mapping(cluster, "autoscalerOptions", "resources", kind).keys() >= {"cpu", "memory"}:
            yield (
                f"autoscalerOptions.resources.{kind}",
                "lacks cpu or memory: KubeRay's 512 MiB are few, write both",
            )
    wanted = rendered.spec.kubernetes.idle_timeout_s
    shared = number(cluster, "autoscalerOptions", "idleTimeoutSeconds")
    for index, group in enumerate(sequence(cluster, "workerGroupSpecs")):
        own = number(group, "idleTimeoutSeconds")
        if (found_s := shared if own is None else own) != wanted:
            problem = f"found {shown(found_s)} (Ray's default is 60): write kubernetes.idle_timeout_s, {wanted}"
            yield f"workerGroupSpecs[{index}].idleTimeoutSeconds", problem


def _head(cluster: Body) -> Iterator[tuple[str, str]]:
    written, installed = text(cluster, "rayVersion"), version("ray")
    if written != installed:
        yield "rayVersion", f"found '{written}': the project runs on {installed}, write that"
    head = mapping(cluster, "headGroupSpec")
    cpus = dig(head, "rayStartParams", "num-cpus") or mapping(head, "resources").get("CPU")
    if cpus != "0":
        yield (
            "headGroupSpec.rayStartParams.num-cpus",
            f'found {shown(cpus)}: write "0", the head is no place for ranks',
        )
    container = mapping(head, "template", "spec", "containers", 0)
    ports = {text(each, "name"): dig(each, "containerPort") for each in sequence(container, "ports")}
    for name, port in HEAD_PORTS.items():
        if ports.get(name) != port:
            problem = f"found {shown(ports.get(name))} as the port named {name}: write {port}, KubeRay looks for it"
            yield "headGroupSpec.template.spec.containers[0].ports", problem


def _state(cluster: Body, rendered: Rendered) -> Iterator[tuple[str, str]]:
    """Redis keeps the head's state in prod; the small twin does without."""
    if rendered.spec.kubernetes.redis is None or rendered.overlay != "prod":
        return
    options = mapping(cluster, "gcsFaultToleranceOptions")
    if not options:
        yield (
            "gcsFaultToleranceOptions",
            "is missing: a lost head takes the fleet with it, write kubernetes.redis'",
        )
    elif not text(options, "redisPassword", "valueFrom", "secretKeyRef", "name"):
        yield "gcsFaultToleranceOptions.redisPassword", "names no Secret: write valueFrom.secretKeyRef"


def _upgrade(manifest: Manifest, rendered: Rendered) -> Iterator[Finding]:
    wanted = rendered.spec.kubernetes.upgrade.strategy if rendered.overlay == "prod" else "None"
    if (found := text(manifest.body, "spec", "upgradeStrategy", "type")) != wanted:
        problem = f"found '{found}', where KubeRay has a default of its own: write {wanted}"
        yield Finding(CHECK, manifest.where("spec.upgradeStrategy.type"), problem)


def _environment(pod: Pod) -> Iterator[tuple[str, str]]:
    for name, value in SERVING_ENVIRONMENT.items():
        if (found := variable(pod.ray_container, name)) != value:
            yield "template.spec.containers[0].env", f"{name} is {shown(found)}: write '{value}', every node reads it"
    reference = [each for each in sequence(pod.ray_container, "env") if text(each, "name") == "HF_TOKEN"]
    for each in reference:
        if not dig(each, "valueFrom", "secretKeyRef", "optional"):
            problem = "HF_TOKEN keeps pods waiting for a Secret that open models do not need: write optional: true"
            yield "template.spec.containers[0].env", problem


def _object_store(pod: Pod) -> Iterator[tuple[str, str]]:
    """Ray takes 30% of the memory by default and refuses to start where /dev/shm has less."""
    written = dig(pod.group, "rayStartParams", OBJECT_STORE)
    mounted = sequence(pod.ray_container, "volumeMounts")
    names = {text(each, "name") for each in mounted if text(each, "mountPath") == SHM}
    volumes = [mapping(each, "emptyDir") for each in sequence(pod.spec, "volumes") if text(each, "name") in names]
    sizes = [quantity(each.get("sizeLimit")) for each in volumes if text(each, "medium") == "Memory"]
    if not sizes or sizes[0] is None:
        yield "template.spec.volumes", f"{SHM} is no memory of a known size: write medium: Memory and a sizeLimit"
    elif (quantity(written) or float("inf")) > sizes[0]:
        yield f"rayStartParams.{OBJECT_STORE}", f"found {shown(written)}: write less than the sizeLimit of {SHM}"


def _alike(rendered: Rendered) -> Iterator[Finding]:
    """Actors of one fleet run anywhere: what one node knows from its environment, all have to know."""
    pods = rendered.ray_pods()
    every = {text(each, "name") for pod in pods for each in sequence(pod.ray_container, "env")}
    for pod in pods:
        for name in sorted(every - {text(each, "name") for each in sequence(pod.ray_container, "env")}):
            problem = f"lacks {name}, which other nodes of the cluster have: write it on all"
            yield Finding(CHECK, pod.where("spec.containers[0].env"), problem)
