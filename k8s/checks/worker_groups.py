"""Checks the worker groups against the spec: each used kind of hardware has a group that Ray can launch."""

from __future__ import annotations

from collections.abc import Iterator

from cluster.placing import ranks_per_device
from cluster.pool import PoolSpec
from cluster.problems import did_you_mean, invalid
from cluster.spec import FleetSpec, HardwareSpec
from deployments.placement import HARDWARE_LABEL
from k8s.checks.finding import Finding
from k8s.checks.objects import mapping, number, sequence, text
from k8s.checks.quantity import quantity
from k8s.checks.ray_cluster import SHM
from k8s.checks.rendered import Pod, Rendered
from k8s.nodes import node_selector, node_size, tolerations, used_hardware

CHECK = "worker groups"


def check_worker_groups(rendered: Rendered) -> Iterator[Finding]:
    """Every used kind of hardware has a group, and every group has what it needs."""
    spec, workers = rendered.spec, rendered.workers()
    used = used_hardware(spec)
    found = {text(pod.group, "labels", HARDWARE_LABEL) for pod in workers}
    for manifest in rendered.of_kind("RayService"):
        for name in sorted(set(used) - found):
            where = manifest.where("spec.rayClusterConfig.workerGroupSpecs")
            yield Finding(CHECK, where, f"no group has the label {HARDWARE_LABEL}: {name}, add one: pools need it")
    for pod in workers:
        name = text(pod.group, "labels", HARDWARE_LABEL)
        if name not in spec.hardware:
            problem = f"unknown hardware '{name}', {did_you_mean(name, spec.hardware)}"
            yield Finding(CHECK, pod.group_where(f"labels.{HARDWARE_LABEL}"), problem)
            continue
        for path, problem in _problems(pod, spec, name):
            yield Finding(CHECK, pod.group_where(path), problem)


def _problems(pod: Pod, spec: FleetSpec, name: str) -> Iterator[tuple[str, str]]:
    hardware = spec.hardware[name]
    yield from _bounds(pod, hardware)
    yield from _node_choice(pod, spec, name)
    if hardware.is_gpu:
        yield from _devices(pod, hardware, node_size(spec, name).device_resource)
    if any(pool.parallel.devices > 1 for pool in _pools_on(spec, name)):
        yield from _shared_memory(pod)
    cpus = mapping(pod.ray_container, "resources", "limits").get("cpu")
    needed = hardware.devices_per_node * ranks_per_device(spec, name)
    if (quantity(cpus) or 0) < needed:
        problem = invalid(cpus, f"at least {needed}: each rank needs a CPU")
        yield "template.spec.containers[0].resources.limits.cpu", problem


def _pools_on(spec: FleetSpec, name: str) -> list[PoolSpec]:
    return [pool for pool_name, pool in spec.pools.items() if pool.devices and spec.hardware_name(pool_name) == name]


def _bounds(pod: Pod, hardware: HardwareSpec) -> Iterator[tuple[str, str]]:
    hosts = number(pod.group, "numOfHosts") or 1
    high = number(pod.group, "maxReplicas")
    if high is None:
        yield "maxReplicas", "is missing and defaults to two billion pods, use the hardware's nodes"
    elif high * hosts > hardware.nodes:
        yield (
            "maxReplicas",
            f"invalid value {high} with {hosts} pods each, use at most the spec's {hardware.nodes} nodes",
        )
    elif high < 1:
        yield "maxReplicas", f"invalid value {high}, use at least 1, or no pod starts"
    if number(pod.group, "minReplicas") is None:
        yield "minReplicas", "is missing, use the number of pods that always run, or 0"


def _devices(pod: Pod, hardware: HardwareSpec, resource: str) -> Iterator[tuple[str, str]]:
    """The pod requests all devices of a node, and Ray's autoscaler knows their type."""
    found = mapping(pod.ray_container, "resources", "limits").get(resource)
    if quantity(found) != hardware.devices_per_node:
        problem = f"{resource}: {invalid(found, f'all {hardware.devices_per_node} devices of a node')}"
        yield "template.spec.containers[0].resources.limits", problem
    token = f"accelerator_type:{hardware.device.ray_type}"
    declared = mapping(pod.group, "resources")
    started_with = text(pod.group, "rayStartParams", "resources")
    if hardware.device.ray_type and token not in declared and token not in started_with:
        problem = f'lacks \'{token}\', add "{token}": "1", or Ray never launches this group for a pool'
        yield "resources", problem
    if "GPU" in declared and quantity(declared["GPU"]) != hardware.devices_per_node:
        yield "resources.GPU", invalid(declared["GPU"], f"all {hardware.devices_per_node} devices of a node")


def _node_choice(pod: Pod, spec: FleetSpec, name: str) -> Iterator[tuple[str, str]]:
    """Pods run only on nodes with their devices."""
    wanted = node_selector(spec, name)
    if (found := mapping(pod.spec, "nodeSelector")) != wanted:
        yield "template.spec.nodeSelector", f"invalid value {found}, use {wanted} as in the spec"
    written = {text(each, "key"): each for each in sequence(pod.spec, "tolerations")}
    for taint in tolerations(spec, name):
        each = written.get(taint.key, {})
        accepts = text(each, "value") == taint.value if taint.value else text(each, "operator") == "Exists"
        if not accepts:
            problem = f"does not tolerate {taint.key}, a taint of these nodes, use operator Exists or its value"
            yield "template.spec.tolerations", problem


def _shared_memory(pod: Pod) -> Iterator[tuple[str, str]]:
    """Ranks on one node exchange tensors through /dev/shm, and KubeRay does not always add a volume for it."""
    if SHM not in {text(each, "mountPath") for each in sequence(pod.ray_container, "volumeMounts")}:
        yield "template.spec.containers[0].volumeMounts", f"mounts nothing at {SHM}, use an emptyDir of medium Memory"
