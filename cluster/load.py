"""How busy a replica is: the formulas that routing and autoscaling share. They read one report; whether it is fresh is
the caller's question (`ReplicaState.is_fresh`)."""

from __future__ import annotations

import math

from cluster.state import ReplicaState


def kv_pressure(replica: ReplicaState) -> float:
    """KV cache that the replica's requests want, in units of what it has; above 1 they do not fit together.

        usage x ongoing / running

    The running requests hold `usage`; each waiting one is expected to want as much as a running one does on average.
    If nothing runs, that average is unknown and the usage alone is returned. In [0, inf).
    """
    if not replica.running:
        return replica.kv_usage_ratio
    return replica.kv_usage_ratio * replica.ongoing / replica.running


def saturation(replica: ReplicaState) -> float:
    """How far the replica is from taking a request at once: 0 idle, 1 full. In [0, 1].

        max(min(1, KV pressure), waiting / ongoing)

    The cache is one way to be full, a queue the other: where batch slots are short, the cache may be nearly empty.
    """
    queued = replica.waiting / replica.ongoing if replica.ongoing else 0.0
    return max(min(1.0, kv_pressure(replica)), queued)


def predicted_wait_s(replica: ReplicaState, tokens_per_s: float, tokens_per_answer: float) -> float:
    """Seconds until a request that arrives now enters the batch.

        (waiting + 1) x tokens per answer / tokens per second, 0 without a queue

    A queue means that the batch is full: an arrival needs one departure for each request before it and one for itself,
    and requests leave at the rate at which answers are completed.

    Args:
        tokens_per_s: tokens the replica generates for all its requests together (`generation_rate`).
        tokens_per_answer: mean length of an answer.
    """
    if not replica.waiting:
        return 0.0
    return (replica.waiting + 1) * tokens_per_answer / tokens_per_s if tokens_per_s > 0 else math.inf


def generation_rate(earlier: ReplicaState, later: ReplicaState) -> float | None:
    """Tokens per second between two reports of a replica; None if they do not show it: no time between them, or a
    counter that restarted at 0 with the replica."""
    seconds = later.as_of_s - earlier.as_of_s
    tokens = later.generated_tokens_total - earlier.generated_tokens_total
    if earlier.replica_id != later.replica_id or seconds <= 0 or tokens < 0:
        return None
    return tokens / seconds
