"""What the fleet looks like now: what replicas report, what routers and policies read. Times are Unix seconds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

STALE_AFTER_S = 3.0
"""A report older than this says nothing about the load any more: its replica counts as busy."""


@dataclass(frozen=True)
class RankState:
    """One process of a replica that holds a part of the model."""

    rank: int
    node_id: str
    pid: int
    experts: tuple[int, ...] = ()
    """Global ids of the experts this rank holds in its first MoE layer; empty without expert parallelism."""


@dataclass(frozen=True)
class ReplicaState:
    """One replica's own report."""

    pool: str
    replica_id: str
    node_id: str
    as_of_s: float
    """When the engine said this (not when it was delivered)."""
    waiting: int = 0
    """Queue depth: requests accepted by the engine that have no slot in the batch yet."""
    running: int = 0
    """Requests in the engine's batch."""
    kv_usage_ratio: float = 0.0
    """Share of the KV cache in use, 0..1."""
    kv_capacity_tokens: int = 0
    """Tokens the KV cache holds."""
    preemptions_total: int = 0
    """Requests preempted since the start because the KV cache was full."""
    generated_tokens_total: int = 0
    """Tokens generated since the start."""
    max_context_tokens: int = 0
    """Longest prompt plus answer the engine takes."""
    start_s: float = 0.0
    """Seconds from the replica's construction to its warm-up answer: what comes before, it cannot see."""
    start_phases_s: tuple[tuple[str, float], ...] = ()
    """Where those seconds went, by phase (`deployments.wire.start_phases`)."""
    ranks: tuple[RankState, ...] = ()

    @property
    def ongoing(self) -> int:
        """Waiting plus running requests."""
        return self.waiting + self.running

    def is_fresh(self, now_s: float) -> bool:
        """Whether the report still describes the load at `now_s`."""
        return now_s - self.as_of_s <= STALE_AFTER_S


@dataclass(frozen=True)
class PoolState:
    """All replicas of one pool that reported and have not been declared gone."""

    pool: str
    replicas: tuple[ReplicaState, ...] = ()

    @property
    def ready(self) -> int:
        """Replicas that serve."""
        return len(self.replicas)

    @property
    def waiting(self) -> int:
        """Queue depth over all replicas."""
        return sum(replica.waiting for replica in self.replicas)

    @property
    def running(self) -> int:
        """Requests in a batch over all replicas."""
        return sum(replica.running for replica in self.replicas)

    @property
    def kv_usage_ratio(self) -> float:
        """Mean KV cache usage over replicas, 0..1."""
        return sum(r.kv_usage_ratio for r in self.replicas) / len(self.replicas) if self.replicas else 0.0


FleetState = Mapping[str, PoolState]
"""Pool states by pool name. A pool without any report is absent or has no replicas."""


def group_by_pool(replicas: Iterable[ReplicaState]) -> dict[str, PoolState]:
    """Replica reports as pool states, replicas in the order of their ids."""
    grouped: dict[str, list[ReplicaState]] = {}
    for replica in sorted(replicas, key=lambda r: r.replica_id):
        grouped.setdefault(replica.pool, []).append(replica)
    return {pool: PoolState(pool, tuple(members)) for pool, members in grouped.items()}
