"""Values that a spec may have, but not on Kubernetes: ports that are taken, mounts that collide, too little memory."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

from cluster.kubernetes.values import mount_problem
from cluster.spec import FleetSpec
from k8s.containers import own_variables
from k8s.errors import RenderError
from k8s.names import (
    AGENT_PORT,
    AUTOSCALER_METRICS_PORT,
    DASHBOARD_METRICS_PORT,
    DASHBOARD_PORT,
    GCS_PORT,
    METRICS_PORT,
)
from k8s.nodes import node_size, nodes_section, used_hardware

TAKEN_PORTS = {
    GCS_PORT: "Ray's control store",
    METRICS_PORT: "Ray's metrics",
    DASHBOARD_PORT: "Ray's dashboard",
    8404: "HAProxy's statistics",
    8500: "Serve's fallback proxy",
    9101: "HAProxy's metrics",
    10001: "Ray's client server",
    AUTOSCALER_METRICS_PORT: "the autoscaler's metrics",
    DASHBOARD_METRICS_PORT: "the dashboard's metrics",
    AGENT_PORT: "the node's health check",
}
"""Ports that the processes of a pod listen on."""
WORKER_PORTS = range(10002, 20000)
"""Ports of Ray's worker processes (ray start --min-worker-port, --max-worker-port)."""
FIRST_OPEN_PORT = 1024
"""Lower ports need a privilege that no pod of the fleet has."""


def check_values(spec: FleetSpec) -> None:
    """Reject values that no pod can have.

    Raises:
        RenderError: the spec has such values.
    """
    if problems := dict([*_port(spec), *_mounts(spec), *_shared_memory(spec), *_images(spec), *_variables(spec)]):
        raise RenderError(problems)


def _port(spec: FleetSpec) -> Iterator[tuple[str, str]]:
    port = spec.gateway.port
    user = "a worker process of Ray" if port in WORKER_PORTS else TAKEN_PORTS.get(port)
    if user:
        yield "gateway.port", f"invalid value {port}, which {user} uses in every pod, use another port such as 8000"
    elif port < FIRST_OPEN_PORT:
        yield (
            "gateway.port",
            f"invalid value {port}, use {FIRST_OPEN_PORT} or more: no pod runs as root. kubernetes.expose opens port "
            "80 or 443 for clients",
        )


def _images(spec: FleetSpec) -> Iterator[tuple[str, str]]:
    """k8s/Dockerfile installs wheels for CUDA."""
    for name in used_hardware(spec):
        size = node_size(spec, name)
        if size.devices and not size.device_resource.startswith("nvidia.com/") and not nodes_section(spec, name).image:
            yield (
                f"kubernetes.hardware.{name}.image",
                f"is missing: the image of k8s/Dockerfile runs on NVIDIA GPUs only, and "
                f"{spec.hardware[name].device.name} ({size.device_resource}) needs one with its own libraries",
            )


def _variables(spec: FleetSpec) -> Iterator[tuple[str, str]]:
    for name in sorted(own_variables(spec) & spec.kubernetes.env.keys()):
        yield f"kubernetes.env.{name}", "is set by Signalbox on all pods: remove it"


def _mounts(spec: FleetSpec) -> Iterator[tuple[str, str]]:
    weights = spec.kubernetes.weights
    paths = {
        "kubernetes.weights.mount": weights and weights.mount,
        "cache_folder": spec.cache_folder,
        "routing.state_folder": spec.routing.state_folder,
    }
    count = Counter(path.rstrip("/") for path in paths.values() if path)
    for field, path in paths.items():
        if path and count[path.rstrip("/")] > 1:
            yield field, f"invalid value '{path}', which another volume has, use a folder for each volume"
        elif path and path.startswith("/") and (problem := mount_problem(path)):
            yield field, f"invalid value '{path}', {problem}"


def _shared_memory(spec: FleetSpec) -> Iterator[tuple[str, str]]:
    """What is written to /dev/shm counts as the pod's memory, so a full /dev/shm would end the pod."""
    for name in used_hardware(spec):
        size = node_size(spec, name)
        if size.shm_gib >= size.memory_gib:
            text = f"invalid value {size.shm_gib}, use less than the pod's memory ({size.memory_gib} GiB)"
            yield f"kubernetes.hardware.{name}.shm_gib", text
