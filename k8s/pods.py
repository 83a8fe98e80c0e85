"""Pod templates for Ray's head, for gateways and for workers. A worker is one node of a kind of hardware."""

from __future__ import annotations

from typing import Any

from cluster.kubernetes.pods import TolerationSpec
from cluster.spec import FleetSpec
from deployments.config import GATEWAY_NODES
from deployments.placement import HARDWARE_LABEL
from k8s.containers import agent_probe, ray_container
from k8s.lifetimes import HEAD_DRAIN_S, HEAD_GRACE_S, drain_s, grace_s
from k8s.merging import merged
from k8s.names import (
    AUTOSCALER_METRICS_PORT,
    DASHBOARD_METRICS_PORT,
    DASHBOARD_PORT,
    FLEET_LABEL,
    GCS_PORT,
    METRICS_PORT,
    service_account,
)
from k8s.nodes import NodeSize, node_selector, node_size, nodes_section, tolerations
from k8s.volumes import pod_volumes
from k8s.yaml_text import Key

USER, GROUP = 1000, 100
"""User `ray` and group `users` of Ray's images, which k8s/Dockerfile builds on."""
SMALL_SHM_GIB = 1
"""Size of /dev/shm in pods without ranks: Ray's object store fits."""
STAYS = {
    "cluster-autoscaler.kubernetes.io/safe-to-evict": "false",
    "karpenter.sh/do-not-disrupt": "true",
}
"""Annotations that keep autoscalers of machines from moving a pod to save a machine: a model would load again."""


def head_template(spec: FleetSpec) -> dict[str, Any]:
    """The pod of Ray's head."""
    head = spec.kubernetes.head
    ports = {
        "gcs-server": GCS_PORT,
        "dashboard": DASHBOARD_PORT,
        "metrics": METRICS_PORT,
        "as-metrics": AUTOSCALER_METRICS_PORT,
        "dash-metrics": DASHBOARD_METRICS_PORT,
        "serve": spec.gateway.port,
    }
    size = _small_size(head.cpus, head.memory_gib)
    template = {
        "metadata": _metadata(spec, {}),
        "spec": {
            Key("serviceAccountName", "KubeRay allows this account to resize the cluster; others need not."): (
                service_account(spec, "head")
            ),
            Key(
                "terminationGracePeriodSeconds", "No stream passes the head; its successor starts when it is gone."
            ): HEAD_GRACE_S,
            **ray_pod(spec, head.node_selector, head.tolerations),
            "containers": [
                ray_container(spec, "ray-head", ports, size, HEAD_DRAIN_S) | {"readinessProbe": agent_probe(10)}
            ],
            "volumes": pod_volumes(spec, SMALL_SHM_GIB),
        },
    }
    return _patched(template, spec.kubernetes.head_patch)


def worker_template(spec: FleetSpec, hardware: str) -> dict[str, Any]:
    """The pod that is one node of a kind of hardware, with all its devices."""
    size, section = node_size(spec, hardware), nodes_section(spec, hardware)
    runtime = spec.kubernetes.runtime_class if size.devices else None
    pod = {
        **({"runtimeClassName": runtime} if runtime else {}),
        **ray_pod(spec, node_selector(spec, hardware), tolerations(spec, hardware)),
        "containers": [_worker_container(spec, _resources(size), section.image)],
        "volumes": pod_volumes(spec, size.shm_gib),
    }
    template = _worker(spec, {HARDWARE_LABEL: hardware}, pod)
    return _patched(template, spec.kubernetes.pod_patch, section.pod_patch)


def gateway_template(spec: FleetSpec) -> dict[str, Any]:
    """The pod that is one node for gateways."""
    section = spec.kubernetes.gateways
    apart = {
        "maxSkew": 1,
        "topologyKey": "kubernetes.io/hostname",
        "whenUnsatisfiable": "ScheduleAnyway",
        "labelSelector": {"matchLabels": {FLEET_LABEL: spec.name} | GATEWAY_NODES},
    }
    pod = {
        **ray_pod(spec, section.node_selector, section.tolerations),
        Key("topologySpreadConstraints", "Losing one machine should not end all gateways."): [apart],
        "containers": [_worker_container(spec, _small_size(section.cpus, section.memory_gib), None)],
        "volumes": pod_volumes(spec, SMALL_SHM_GIB),
    }
    return _patched(_worker(spec, GATEWAY_NODES, pod), spec.kubernetes.pod_patch)


def ray_pod(spec: FleetSpec, selector: dict[str, str], taints: tuple[TolerationSpec, ...]) -> dict[str, Any]:
    """Settings that all Ray pods share."""
    section = spec.kubernetes
    return {
        Key(
            "restartPolicy", "Autoscaler v2 counts pods as nodes; a pod restarted in place would count twice."
        ): "Never",
        **({"priorityClassName": section.priority_class} if section.priority_class else {}),
        **shared_pod(spec, selector, taints),
    }


def shared_pod(spec: FleetSpec, selector: dict[str, str], taints: tuple[TolerationSpec, ...]) -> dict[str, Any]:
    """Settings that all pods with the fleet's image share."""
    pull = spec.kubernetes.image_pull_secret
    return {
        Key("enableServiceLinks", "A Service named vllm would set VLLM_PORT to its address, which ends vLLM."): False,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": USER,
            "runAsGroup": GROUP,
            "fsGroup": GROUP,
            Key("fsGroupChangePolicy", "A volume of weights has too many files to change at every start."): (
                "OnRootMismatch"
            ),
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        **({"imagePullSecrets": [{"name": pull}]} if pull else {}),
        **({"nodeSelector": dict(sorted(selector.items()))} if selector else {}),
        **({"tolerations": [_toleration(taint) for taint in taints]} if taints else {}),
    }


def _worker(spec: FleetSpec, labels: dict[str, str], pod: dict[str, Any]) -> dict[str, Any]:
    """A worker's template with what all workers share."""
    return {
        "metadata": _metadata(spec, labels),
        "spec": {
            "serviceAccountName": service_account(spec, "worker"),
            Key("automountServiceAccountToken", "Engines do not need the Kubernetes API."): False,
            Key("terminationGracePeriodSeconds", "Longer than the drain time; then Kubernetes kills the pod."): (
                grace_s(spec)
            ),
            **pod,
        },
    }


def _worker_container(spec: FleetSpec, resources: dict[str, str], image: str | None) -> dict[str, Any]:
    ports = {"metrics": METRICS_PORT, "serve": spec.gateway.port}
    return ray_container(spec, "ray-worker", ports, resources, drain_s(spec), image) | {
        Key("readinessProbe", "A node is ready when its proxy reaches a gateway; only then it receives traffic."): {
            "httpGet": {"path": "/-/healthz", "port": "serve"},
            "periodSeconds": 5,
            Key("timeoutSeconds", "KubeRay's own probe allows one second and one failure; busy nodes are slower."): 5,
            "failureThreshold": 3,
        },
    }


def _metadata(spec: FleetSpec, labels: dict[str, str]) -> dict[str, Any]:
    section = spec.kubernetes
    why = "Autoscalers of machines do not move this pod to save a machine."
    return {
        "labels": dict(sorted((section.labels | {FLEET_LABEL: spec.name} | labels).items())),
        Key("annotations", why): dict(sorted((STAYS | section.annotations).items())),
    }


def _patched(template: dict[str, Any], *patches: dict[str, Any]) -> dict[str, Any]:
    for patch in patches:
        template = merged(template, patch)
    return template


def _small_size(cpus: int, memory_gib: int) -> dict[str, str]:
    return {"cpu": str(cpus), "memory": f"{memory_gib}Gi"}


def _resources(size: NodeSize) -> dict[str, str]:
    devices = {size.device_resource: str(size.devices)} if size.devices else {}
    return _small_size(size.cpus, size.memory_gib) | devices


def _toleration(taint: TolerationSpec) -> dict[str, str]:
    value = {"operator": "Exists"} if taint.value is None else {"operator": "Equal", "value": taint.value}
    return {"key": taint.key, **value, "effect": taint.effect}
