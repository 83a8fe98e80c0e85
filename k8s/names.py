"""Names and labels that manifests share, so that a selector and what it selects cannot differ."""

from __future__ import annotations

import re
from typing import Any

from cluster.spec import FleetSpec
from k8s.errors import RenderError

FLEET_LABEL = "signalbox/fleet"
"""On every pod of the fleet. A label of our own: KubeRay writes its own values into `app.kubernetes.io/*`."""
NODE_TYPE_LABEL = "ray.io/node-type"
"""KubeRay's, on every Ray pod: head, worker, or redis-cleanup for the job that removes a deleted cluster's state."""
MAX_NAME = 47
"""KubeRay's limit for a RayService: 53 for a RayCluster less the six characters that it appends
(ray-operator/controllers/ray/utils/constant.go)."""
HEAD_GROUP = "headgroup"
"""The head's group in KubeRay and in Ray's autoscaler."""
METRICS_PORT, GCS_PORT, DASHBOARD_PORT, AGENT_PORT = 8080, 6379, 8265, 52365
"""KubeRay's ports: Ray's metrics on every node, the head's control store and dashboard, every node's agent."""
AUTOSCALER_METRICS_PORT, DASHBOARD_METRICS_PORT = 44217, 44227
"""Ray's ports for metrics of the autoscaler and the dashboard, both on the head."""


def check_names(spec: FleetSpec) -> None:
    """Names that the spec allows and Kubernetes or KubeRay does not.

    Raises:
        RenderError: there are such.
    """
    problems = {}
    if not re.match(r"[a-z]", spec.name):
        problems["name"] = f"found '{spec.name}': names of services begin with a letter: write another"
    if len(spec.name) > MAX_NAME:
        problems["name"] = f"has {len(spec.name)} characters: KubeRay takes {MAX_NAME}: write a shorter one"
    if HEAD_GROUP in spec.hardware:
        problems[f"hardware.{HEAD_GROUP}"] = "is KubeRay's name for the head: write another"
    if problems:
        raise RenderError(problems)


def metadata(spec: FleetSpec, name: str, **labels: str) -> dict[str, Any]:
    """An object's name and labels."""
    own = {"app.kubernetes.io/managed-by": "signalbox-render", FLEET_LABEL: spec.name}
    return {"name": name, "labels": dict(sorted((own | labels).items()))}


def pods(spec: FleetSpec, node_type: str | None = None) -> dict[str, str]:
    """Labels that select the fleet's pods, or those of one type."""
    return {FLEET_LABEL: spec.name} | ({NODE_TYPE_LABEL: node_type} if node_type else {})


def namespace(spec: FleetSpec, overlay: str) -> str:
    """The namespace that an overlay deploys into."""
    name = spec.kubernetes.namespace or spec.name
    return name if overlay == "prod" else f"{name}-{overlay}"


def redis_secret(spec: FleetSpec) -> str:
    """The Secret with Redis' password."""
    redis = spec.kubernetes.redis
    return (redis and redis.password_secret) or f"{spec.name}-redis"


def service_account(spec: FleetSpec, node_type: str) -> str:
    """The account that the head or the workers run as."""
    return f"{spec.name}-{node_type}"


def serve_service(spec: FleetSpec) -> str:
    """The Service that KubeRay makes for the endpoint (`GenerateServeServiceName`)."""
    return f"{spec.name}-serve-svc"
