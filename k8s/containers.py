"""The container that runs Ray in each pod: its image, environment, ports, size and probes."""

from __future__ import annotations

from typing import Any

from cluster.spec import FleetSpec
from deployments.config import METRICS_EVERY_MS, SERVING_ENVIRONMENT
from k8s.names import AGENT_PORT
from k8s.volumes import hub_folder, pod_mounts
from k8s.yaml_text import Key

DRAIN = "RAY_GRACEFUL_SHUTDOWN_DRAIN_TIMEOUT_S"
"""Variable for the seconds that `ray start --block` lets a node drain after SIGTERM (ray/_private/node.py)."""
ROOTLESS = {
    "allowPrivilegeEscalation": False,
    "capabilities": {"drop": ["ALL"]},
}
"""Security context of a container. KubeRay copies it to the init container that it adds."""


def ray_container(
    spec: FleetSpec, name: str, ports: dict[str, int], resources: dict[str, str], drain_s: int, image: str | None = None
) -> dict[str, Any]:
    """A container that runs `ray start`.

    Args:
        spec: the fleet, with the image's paths.
        name: the container's name.
        ports: port numbers by name.
        resources: amounts by Kubernetes' resource name.
        drain_s: how long the node may keep serving after SIGTERM, in seconds.
        image: None is the fleet's image.
    """
    return {
        "name": name,
        "image": image or spec.kubernetes.image,
        "imagePullPolicy": "IfNotPresent",
        "ports": [{"containerPort": port, "name": port_name} for port_name, port in ports.items()],
        "env": _environment(spec, drain_s),
        **secret_environment(spec),
        Key("resources", "Requests equal limits: Ray counts the limits, so they must be reserved."): {
            "requests": resources,
            "limits": resources,
        },
        "securityContext": ROOTLESS,
        "volumeMounts": pod_mounts(spec),
        Key("livenessProbe", "Ray's agent reports the node's health without a token."): agent_probe(120),
    }


def secret_environment(spec: FleetSpec) -> dict[str, Any]:
    """`envFrom` of a container, if the spec names a Secret."""
    secret = spec.kubernetes.environment_secret
    return {"envFrom": [{"secretRef": {"name": secret}}]} if secret else {}


def hub_environment(spec: FleetSpec) -> list[dict[str, Any]]:
    """Variables for downloads of models, and those of the spec, such as those of a proxy."""
    values = {"DO_NOT_TRACK": "1"} | spec.kubernetes.env
    if folder := hub_folder(spec):
        values["HF_HOME"] = folder
    token = {"name": spec.kubernetes.hf_token_secret, "key": "token", "optional": True}
    variables: list[dict[str, Any]] = [{"name": name, "value": value} for name, value in values.items()]
    variables.append({Key("name", "For downloads of gated models; open models need no token."): "HF_TOKEN"})
    variables[-1]["valueFrom"] = {"secretKeyRef": token}
    return sorted(variables, key=_name)


def _environment(spec: FleetSpec, drain_s: int) -> list[dict[str, Any]]:
    """Environment variables that every process needs before it imports Ray."""
    values = SERVING_ENVIRONMENT | {
        "RAY_SERVE_ENABLE_HA_PROXY": "1",
        "RAY_metrics_report_interval_ms": str(METRICS_EVERY_MS),
    }
    variables: list[dict[str, Any]] = [{"name": name, "value": value} for name, value in values.items()]
    drain = "Ray drains a terminated node: its replicas move and its streams finish. Ray's default is 30 s."
    variables.append({Key("name", drain): DRAIN, "value": str(drain_s)})
    return sorted([*variables, *hub_environment(spec)], key=_name)


def own_variables(spec: FleetSpec) -> set[str]:
    """Names of variables that the spec's `kubernetes.env` cannot set."""
    without = spec.model_copy(update={"kubernetes": spec.kubernetes.model_copy(update={"env": {}})})
    return {_name(each) for each in _environment(without, 0)}


def _name(variable: dict[str, Any]) -> str:
    return str(variable["name"])


def agent_probe(failures: int) -> dict[str, Any]:
    """Ray's health check of a node, including the head's control store (Ray 2.53 and later)."""
    return {
        "httpGet": {"path": "/api/healthz", "port": AGENT_PORT},
        "initialDelaySeconds": 10,
        "periodSeconds": 5,
        "timeoutSeconds": 5,
        "failureThreshold": failures,
    }
