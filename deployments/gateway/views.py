"""Views of the fleet as JSON-ready dicts: pure functions of spec and state."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from cluster.spec import FleetSpec
from cluster.state import FleetState, PoolState, ReplicaState
from deployments.board.messages import LearningState, ScalingLog


def _pool_state(fleet: FleetState | None, pool: str) -> PoolState:
    return (fleet or {}).get(pool, PoolState(pool))


def models(spec: FleetSpec, fleet: FleetState | None) -> dict[str, Any]:
    """GET /v1/models: `auto`, then the model of every pool, with the names that pin it and with its adapters."""
    entries: list[dict[str, Any]] = [{"id": "auto", "object": "model", "created": 0, "owned_by": "signalbox"}]
    for name, pool in spec.pools.items():
        entries.append(
            {
                "id": pool.public_name,
                "object": "model",
                "created": 0,
                "owned_by": "signalbox",
                "pool": name,
                "tier": pool.tier,
                "aliases": sorted({name, *pool.aliases}),
                "capabilities": list(pool.capabilities),
                "ready_replicas": _pool_state(fleet, name).ready,
            }
        )
        parent = entries[-1]
        entries += [parent | {"id": each, "aliases": [], "parent": pool.public_name} for each in pool.adapters]
    return {"object": "list", "data": entries}


def readiness(spec: FleetSpec, fleet: FleetState | None) -> dict[str, Any]:
    """GET /ready: whether the fleet can answer a request now, and the ready replicas of each pool."""
    pools = {name: _pool_state(fleet, name).ready for name in spec.pools}
    return {"ready": any(pools.values()), "pools": pools}


def _replica(replica: ReplicaState, now_s: float) -> dict[str, Any]:
    return {
        **asdict(replica),
        "start_phases_s": {phase: round(seconds, 3) for phase, seconds in replica.start_phases_s},
        "age_s": round(now_s - replica.as_of_s, 3),
        "fresh": replica.is_fresh(now_s),
    }


def fleet(
    spec: FleetSpec, fleet: FleetState | None, now_s: float, learning: LearningState | None = None
) -> dict[str, Any]:
    """GET /v1/fleet: every pool with its bounds and the newest report of each replica, and what the fleet learned."""
    pools = {}
    for name, pool in spec.pools.items():
        state = _pool_state(fleet, name)
        replicas = [_replica(replica, now_s) for replica in state.replicas]
        pools[name] = {
            "tier": pool.tier,
            "model": pool.public_name,
            "engine": pool.engine.kind,
            "prices": pool.prices.model_dump(),
            "min": pool.replicas.min,
            "max": pool.replicas.max,
            "ready": state.ready,
            "waiting": state.waiting,
            "running": state.running,
            "kv_usage_ratio": state.kv_usage_ratio,
            "replicas": replicas,
        }
    learned = asdict(learning) if learning else None
    return {"name": spec.name, "as_of_s": now_s, "board": fleet is not None, "pools": pools, "learning": learned}


def scaling(decisions: ScalingLog | None) -> dict[str, Any]:
    """GET /v1/scaling: the newest decision for each pool and the log, newest first; empty without the board."""
    if decisions is None:
        return {"board": False, "pools": {}, "log": []}
    pools = {name: vars(one) for name, one in decisions.current.items()}
    return {"board": True, "pools": pools, "log": [vars(one) for one in decisions.log]}
