"""How busy pools are, as far as decisions care."""

from __future__ import annotations

import math

from cluster.load import predicted_wait_s
from cluster.state import FleetState
from router.types import RoutingState

BUSY = 1_000
"""Requests that a replica counts for whose report is stale."""


def pool_wait_s(pool: str, fleet: FleetState | None, now_s: float, state: RoutingState, answer_tokens: float) -> float:
    """Predicted wait in the queue of a pool's least busy replica; inf when none says anything fresh.

    Args:
        fleet: None when there is no board: load is then ignored.
        answer_tokens: mean length of an answer where `state` knows none of this pool.
    """
    if fleet is None:
        return 0.0
    tokens = state.answer_tokens.get(pool, answer_tokens)
    waits = (
        predicted_wait_s(replica, state.tokens_per_s.get(replica.replica_id, 0.0), tokens)
        for replica in (fleet[pool].replicas if pool in fleet else ())
        if replica.is_fresh(now_s)
    )
    return min(waits, default=math.inf)


def ongoing_per_replica(pool: str, fleet: FleetState | None, now_s: float) -> float:
    """Requests per ready replica; inf for a pool that is yet to be started."""
    if fleet is None:
        return 0.0
    if pool not in fleet or not fleet[pool].replicas:
        return math.inf
    replicas = fleet[pool].replicas
    return sum(replica.ongoing if replica.is_fresh(now_s) else BUSY for replica in replicas) / len(replicas)
