"""Pod templates for Ray's head and for workers. A worker is one node of a kind of hardware."""

from __future__ import annotations

import math
from typing import Any

from cluster.kubernetes.pods import TolerationSpec
from cluster.spec import FleetSpec
from deployments.config import METRICS_EVERY_MS, SERVING_ENVIRONMENT
from k8s.names import (
    AGENT_PORT,
    AUTOSCALER_METRICS_PORT,
    DASHBOARD_METRICS_PORT,
    DASHBOARD_PORT,
    FLEET_LABEL,
    GCS_PORT,
    METRICS_PORT,
    service_account,
)
from k8s.nodes import NodeSize, node_selector, node_size, tolerations
from k8s.volumes import hub_folder, pod_mounts, pod_volumes
from k8s.yaml_text import Key

USER, GROUP = 1000, 100
"""User `ray` and group `users` of Ray's images, which k8s/Dockerfile builds on."""
END_MARGIN_S = 60
"""Seconds for HAProxy's own draining (30 s), and for the node to notice its termination (a few more)."""
HEAD_SHM_GIB = 1

ROOTLESS = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
}
"""Security context of a container. KubeRay copies it to the init container that it adds."""


def longest_stream_s(spec: FleetSpec) -> int:
    """Longest time that a request may run, in seconds."""
    return math.ceil(spec.gateway.request_timeout_s)


def drain_s(spec: FleetSpec) -> int:
    """How long a terminated node may keep serving, in seconds: until replacement replicas have started elsewhere and
    its streams have ended. A node that becomes empty stops earlier."""
    return longest_stream_s(spec) + math.ceil(spec.scaling.cold_start_s)


def grace_s(spec: FleetSpec) -> int:
    """Termination grace period of a pod, in seconds: longer than its drain time and thus than the longest stream."""
    return drain_s(spec) + END_MARGIN_S


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
    size = {"cpu": str(head.cpus), "memory": f"{head.memory_gib}Gi"}
    container = _container(spec, "ray-head", ports, size) | {"readinessProbe": _agent_probe(10)}
    return {
        "metadata": {"labels": {FLEET_LABEL: spec.name}},
        "spec": {
            Key("serviceAccountName", "KubeRay allows this account to resize the cluster; others need not."): (
                service_account(spec, "head")
            ),
            **_pod(spec, head.node_selector, head.tolerations),
            "containers": [container],
            "volumes": pod_volumes(spec, HEAD_SHM_GIB),
        },
    }


def worker_template(spec: FleetSpec, hardware: str) -> dict[str, Any]:
    """The pod that is one node of a kind of hardware, with all its devices."""
    size = node_size(spec, hardware)
    ports = {"metrics": METRICS_PORT, "serve": spec.gateway.port}
    container = _container(spec, "ray-worker", ports, _resources(size)) | {
        Key("readinessProbe", "A node is ready when its proxy reaches a gateway; only then it receives traffic."): {
            "httpGet": {"path": "/-/healthz", "port": "serve"},
            "periodSeconds": 5,
            Key("timeoutSeconds", "KubeRay's own probe allows one second and one failure; busy nodes are slower."): 5,
            "failureThreshold": 3,
        },
    }
    return {
        "metadata": {"labels": {FLEET_LABEL: spec.name}},
        "spec": {
            "serviceAccountName": service_account(spec, "worker"),
            Key("automountServiceAccountToken", "Engines do not need the Kubernetes API."): False,
            **_pod(spec, node_selector(spec, hardware), tolerations(spec, hardware)),
            "containers": [container],
            "volumes": pod_volumes(spec, size.shm_gib),
        },
    }


def _pod(spec: FleetSpec, selector: dict[str, str], taints: tuple[TolerationSpec, ...]) -> dict[str, Any]:
    """Settings that all pods share."""
    pull = spec.kubernetes.image_pull_secret
    return {
        Key(
            "restartPolicy", "Autoscaler v2 counts pods as nodes; a pod restarted in place would count twice."
        ): "Never",
        Key("terminationGracePeriodSeconds", "Longer than the drain time; then Kubernetes kills the pod."): grace_s(
            spec
        ),
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


def _container(spec: FleetSpec, name: str, ports: dict[str, int], resources: dict[str, str]) -> dict[str, Any]:
    secret = spec.kubernetes.environment_secret
    return {
        "name": name,
        "image": spec.kubernetes.image,
        "imagePullPolicy": "IfNotPresent",
        "ports": [{"containerPort": port, "name": port_name} for port_name, port in ports.items()],
        "env": _environment(spec),
        **({"envFrom": [{"secretRef": {"name": secret}}]} if secret else {}),
        Key("resources", "Requests equal limits: Ray counts the limits, so they must be reserved."): {
            "requests": resources,
            "limits": resources,
        },
        "securityContext": ROOTLESS,
        "volumeMounts": pod_mounts(spec),
        Key("livenessProbe", "Ray's agent reports the node's health without a token."): _agent_probe(120),
    }


def _environment(spec: FleetSpec) -> list[dict[str, Any]]:
    """Environment variables that every process needs before it imports Ray."""
    values = SERVING_ENVIRONMENT | {
        "DO_NOT_TRACK": "1",
        "RAY_SERVE_ENABLE_HA_PROXY": "1",
        "RAY_metrics_report_interval_ms": str(METRICS_EVERY_MS),
    }
    if folder := hub_folder(spec):
        values["HF_HOME"] = folder
    variables: list[dict[str, Any]] = [{"name": name, "value": value} for name, value in values.items()]
    drain = "Ray drains a terminated node: its replicas move and its streams finish. Ray's default is 30 s."
    variables.append({Key("name", drain): "RAY_GRACEFUL_SHUTDOWN_DRAIN_TIMEOUT_S", "value": str(drain_s(spec))})
    token = {"name": spec.kubernetes.hf_token_secret, "key": "token", "optional": True}
    variables.append({Key("name", "For downloads of gated models; open models need no token."): "HF_TOKEN"})
    variables[-1]["valueFrom"] = {"secretKeyRef": token}
    return sorted(variables, key=lambda each: str(each["name"]))


def _resources(size: NodeSize) -> dict[str, str]:
    devices = {size.device_resource: str(size.devices)} if size.devices else {}
    return {"cpu": str(size.cpus), "memory": f"{size.memory_gib}Gi", **devices}


def _toleration(taint: TolerationSpec) -> dict[str, str]:
    value = {"operator": "Exists"} if taint.value is None else {"operator": "Equal", "value": taint.value}
    return {"key": taint.key, **value, "effect": taint.effect}


def _agent_probe(failures: int) -> dict[str, Any]:
    """Ray's health check of a node, including the head's control store (Ray 2.53 and later)."""
    return {
        "httpGet": {"path": "/api/healthz", "port": AGENT_PORT},
        "initialDelaySeconds": 10,
        "periodSeconds": 5,
        "timeoutSeconds": 5,
        "failureThreshold": failures,
    }
