"""Patches of the overlays: `prod` is the whole fleet with Redis, `dev` a small twin in its own namespace."""

from __future__ import annotations

from typing import Any

from cluster.pool import PoolSpec, ReplicasSpec
from cluster.spec import FleetSpec
from k8s.errors import RenderError
from k8s.gateways import gateway_nodes
from k8s.nodes import hosts_per_replica, nodes_needed, used_hardware
from k8s.ray_service import serve_text
from k8s.redis import fault_tolerance
from k8s.yaml_text import Key

CLUSTER = "/spec/rayClusterConfig"
Patch = list[dict[str, Any]]


def prod_patch(spec: FleetSpec) -> Patch:
    """Keep the head's state in Redis; empty if the spec has no Redis."""
    redis = spec.kubernetes.redis
    if redis is None:
        return []
    why = "A replaced head recovers its state; until then nodes serve with what they know."
    return [
        {Key("op", why): "add", "path": f"{CLUSTER}/gcsFaultToleranceOptions", "value": fault_tolerance(spec, redis)}
    ]


def dev_patch(spec: FleetSpec) -> Patch:
    """Fewer replicas, only the nodes that they need, and upgrades without a second cluster."""
    small = small_twin(spec)
    serve_config = Key("op", "The Serve config of a fleet with fewer replicas (kubernetes.dev.max_replicas).")
    upgrade = Key("op", "To get new pods, delete the RayService: there are no devices for a second cluster.")
    return [
        {serve_config: "replace", "path": "/spec/serveConfigV2", "value": serve_text(small)},
        {upgrade: "replace", "path": "/spec/upgradeStrategy", "value": {"type": "None"}},
        *(_nodes_patch(small, index, name) for index, name in enumerate(used_hardware(spec))),
        *_gateways_patch(small, len(used_hardware(spec))),
    ]


def small_twin(spec: FleetSpec) -> FleetSpec:
    """The fleet with at most `kubernetes.dev.max_replicas` per pool, one gateway, and only the nodes that these need.

    It has no Redis, and no monitoring, because its metrics would be added to those of the fleet.
    """
    pools = {name: _small(pool, spec.kubernetes.dev.max_replicas) for name, pool in spec.pools.items()}
    hardware = dict(spec.hardware)
    for name in used_hardware(spec):
        hardware[name] = spec.hardware[name].model_copy(update={"nodes": _nodes_at_once(spec, pools, name)})
    no_monitoring = spec.kubernetes.monitoring.model_copy(update={"enabled": False})
    kubernetes = spec.kubernetes.model_copy(update={"redis": None, "monitoring": no_monitoring})
    gateway = spec.gateway.model_copy(update={"replicas": ReplicasSpec(min=1, max=1)})
    small = {"pools": pools, "hardware": hardware, "gateway": gateway, "kubernetes": kubernetes}
    return spec.model_copy(update=small)


def _nodes_patch(small: FleetSpec, index: int, hardware: str) -> dict[str, Any]:
    max_replicas = small.hardware[hardware].nodes // hosts_per_replica(small, hardware)
    return {"op": "replace", "path": f"{CLUSTER}/workerGroupSpecs/{index}/maxReplicas", "value": max_replicas}


def _gateways_patch(small: FleetSpec, index: int) -> list[dict[str, Any]]:
    group = f"{CLUSTER}/workerGroupSpecs/{index}"
    bounds = zip(("minReplicas", "maxReplicas"), gateway_nodes(small), strict=True)
    return [{"op": "replace", "path": f"{group}/{field}", "value": value} for field, value in bounds]


def _small(pool: PoolSpec, max_replicas: int) -> PoolSpec:
    bounds = pool.replicas
    top = min(bounds.max, max(bounds.min, max_replicas))
    standby = min(bounds.standby, top - bounds.min)
    return pool.model_copy(update={"replicas": bounds.model_copy(update={"max": top, "standby": standby})})


def _nodes_at_once(spec: FleetSpec, pools: dict[str, PoolSpec], hardware: str) -> int:
    """Nodes that hold the maximum replicas of all pools; all nodes of the hardware if they are not enough."""
    full = {
        name: pool.model_copy(update={"replicas": pool.replicas.model_copy(update={"min": pool.replicas.max})})
        for name, pool in pools.items()
    }
    try:
        return nodes_needed(spec.model_copy(update={"pools": full}), hardware)
    except RenderError:
        return spec.hardware[hardware].nodes
