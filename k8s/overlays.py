"""What differs between the places: `prod` is the whole fleet with Redis, `dev` a small twin in its own namespace."""

from __future__ import annotations

from typing import Any

from cluster.pool import PoolSpec
from cluster.spec import FleetSpec
from k8s.errors import RenderError
from k8s.nodes import hosts_per_replica, nodes_needed, used_hardware
from k8s.ray_service import serve_text
from k8s.redis import fault_tolerance
from k8s.yaml_text import Key

CLUSTER = "/spec/rayClusterConfig"
Patch = list[dict[str, Any]]


def prod_patch(spec: FleetSpec) -> Patch:
    """The head's state in Redis; nothing to patch without it."""
    redis = spec.kubernetes.redis
    if redis is None:
        return []
    why = "A head that is replaced finds its state again; until then nodes serve on what they know."
    return [
        {Key("op", why): "add", "path": f"{CLUSTER}/gcsFaultToleranceOptions", "value": fault_tolerance(spec, redis)}
    ]


def dev_patch(spec: FleetSpec) -> Patch:
    """Fewer replicas, no more nodes than those need, and no second cluster beside the first."""
    small = small_twin(spec)
    fewer = Key("op", "The Serve config of a fleet with fewer replicas (kubernetes.dev.max_replicas).")
    by_hand = Key("op", "New pods by deleting the RayService: there are no devices for a second cluster.")
    return [
        {fewer: "replace", "path": "/spec/serveConfigV2", "value": serve_text(small)},
        {by_hand: "replace", "path": "/spec/upgradeStrategy", "value": {"type": "None"}},
        *(_nodes_patch(small, index, name) for index, name in enumerate(used_hardware(spec))),
    ]


def small_twin(spec: FleetSpec) -> FleetSpec:
    """The fleet with at most `kubernetes.dev.max_replicas` per pool and no more nodes than all of them need, without
    Redis and monitoring: a twin's metrics would be added to the fleet's."""
    pools = {name: _small(pool, spec.kubernetes.dev.max_replicas) for name, pool in spec.pools.items()}
    hardware = dict(spec.hardware)
    for name in used_hardware(spec):
        hardware[name] = spec.hardware[name].model_copy(update={"nodes": _nodes_at_once(spec, pools, name)})
    silent = spec.kubernetes.monitoring.model_copy(update={"enabled": False})
    alone = spec.kubernetes.model_copy(update={"redis": None, "monitoring": silent})
    return spec.model_copy(update={"pools": pools, "hardware": hardware, "kubernetes": alone})


def _nodes_patch(small: FleetSpec, index: int, hardware: str) -> dict[str, Any]:
    most = small.hardware[hardware].nodes // hosts_per_replica(small, hardware)
    return {"op": "replace", "path": f"{CLUSTER}/workerGroupSpecs/{index}/maxReplicas", "value": most}


def _small(pool: PoolSpec, most: int) -> PoolSpec:
    bounds = pool.replicas
    top = min(bounds.max, max(bounds.min, most))
    standby = min(bounds.standby, top - bounds.min)
    return pool.model_copy(update={"replicas": bounds.model_copy(update={"max": top, "standby": standby})})


def _nodes_at_once(spec: FleetSpec, pools: dict[str, PoolSpec], hardware: str) -> int:
    """Nodes on which all replicas that may be fit together; all there are where they never do."""
    full = {
        name: pool.model_copy(update={"replicas": pool.replicas.model_copy(update={"min": pool.replicas.max})})
        for name, pool in pools.items()
    }
    try:
        return nodes_needed(spec.model_copy(update={"pools": full}), hardware)
    except RenderError:
        return spec.hardware[hardware].nodes
