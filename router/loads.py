"""How busy pools are, to choose between pools that are otherwise equal."""

from __future__ import annotations

import math

from cluster.state import FleetState

BUSY = 1_000
"""Requests that a replica with a stale report counts for."""


def ongoing_per_replica(pool: str, fleet: FleetState | None, now_s: float) -> float:
    """Requests per ready replica; 0 without a board, inf for a pool at zero replicas."""
    if fleet is None:
        return 0.0
    if pool not in fleet or not fleet[pool].replicas:
        return math.inf
    replicas = fleet[pool].replicas
    return sum(replica.ongoing if replica.is_fresh(now_s) else BUSY for replica in replicas) / len(replicas)
