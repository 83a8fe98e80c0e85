"""Names and labels that manifests share, so that selectors always match."""

from __future__ import annotations

import re
from typing import Any

from cluster.spec import FleetSpec
from k8s.errors import RenderError
from k8s.gateways import GATEWAY_GROUP

FLEET_LABEL = "signalbox/fleet"
"""Label of every pod of the fleet. `app.kubernetes.io/*` cannot be used: KubeRay sets its own values there."""
KEPT = {"signalbox/kept": "true"}
"""Label of objects that are applied first and may stay when the fleet goes: its Namespace and its claims."""
NODE_TYPE_LABEL = "ray.io/node-type"
"""KubeRay's label of every Ray pod: head, worker, or redis-cleanup (the job that removes a deleted cluster's state)."""
MAX_NAME = 47
"""KubeRay's limit for a RayService: 53 characters for a RayCluster minus the six that it appends
(ray-operator/controllers/ray/utils/constant.go)."""
HEAD_GROUP = "headgroup"
"""Name of the head's group in KubeRay and in Ray's autoscaler."""
METRICS_PORT, GCS_PORT, DASHBOARD_PORT, AGENT_PORT = 8080, 6379, 8265, 52365
"""KubeRay's ports: Ray's metrics (every node), control store and dashboard (head), agent (every node)."""
AUTOSCALER_METRICS_PORT, DASHBOARD_METRICS_PORT = 44217, 44227
"""Ray's metrics ports of the autoscaler and the dashboard, both on the head."""


def check_names(spec: FleetSpec) -> None:
    """Reject names that the spec allows but Kubernetes or KubeRay does not.

    Raises:
        RenderError: the spec has such names.
    """
    problems = {}
    if not re.match(r"[a-z]", spec.name):
        problems["name"] = f"invalid value '{spec.name}', use a name that begins with a letter, as Services need"
    if len(spec.name) > MAX_NAME:
        problems["name"] = f"has {len(spec.name)} characters, use at most {MAX_NAME}, KubeRay's limit"
    taken = {HEAD_GROUP: "KubeRay's name for the head", GATEWAY_GROUP: "the name of the gateways' pods"}
    problems |= {
        f"hardware.{name}": f"is {what}, use another name" for name, what in taken.items() if name in spec.hardware
    }
    if problems:
        raise RenderError(problems)


def metadata(spec: FleetSpec, name: str, **labels: str) -> dict[str, Any]:
    """An object's name and labels."""
    common = {"app.kubernetes.io/managed-by": "signalbox-render", FLEET_LABEL: spec.name}
    return {"name": name, "labels": dict(sorted((common | labels).items()))}


def pods(spec: FleetSpec, node_type: str | None = None) -> dict[str, str]:
    """Labels that select the fleet's pods, or only those of one node type."""
    return {FLEET_LABEL: spec.name} | ({NODE_TYPE_LABEL: node_type} if node_type else {})


def namespace(spec: FleetSpec, overlay: str) -> str:
    """The namespace that an overlay deploys to."""
    name = spec.kubernetes.namespace or spec.name
    return name if overlay == "prod" else f"{name}-{overlay}"


def redis_secret(spec: FleetSpec) -> str:
    """Name of the Secret with Redis' password."""
    redis = spec.kubernetes.redis
    return (redis and redis.password_secret) or f"{spec.name}-redis"


def service_account(spec: FleetSpec, node_type: str) -> str:
    """The service account of the head or of the workers."""
    return f"{spec.name}-{node_type}"


def serve_service(spec: FleetSpec) -> str:
    """The Service that KubeRay creates for the endpoint (`GenerateServeServiceName`)."""
    return f"{spec.name}-serve-svc"
