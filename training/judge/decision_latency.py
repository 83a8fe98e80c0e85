"""What a routing decision costs in CPU time: features, prediction and choice, on one thread."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import get_args

import numpy as np

from cluster.pool import TIERS, Capability
from cluster.spec import FleetSpec
from router.decide import Router
from router.quality import QualityModel
from router.types import RoutingRequest

WARM_UP = 100
MOST_QUERIES = 2_000
TRIES = 3


def plain_fleet() -> FleetSpec:
    """A pool for each tier and nothing else to decide by; no request is turned down for what it needs."""
    able = {"capabilities": list(get_args(Capability))}
    pools = {tier: {"tier": tier, "model": tier, "engine": {"kind": "simulated"}, **able} for tier in TIERS}
    return FleetSpec.model_validate({"pools": pools})


def decision_latency_us(model: QualityModel, requests: Sequence[RoutingRequest]) -> dict[str, float]:
    """p50 and p99 over the queries (at most 2,000, evenly picked), warm, in CPU microseconds.

    Each query counts with the quickest of its three decisions: CPU time grows when other processes share the caches.
    """
    router = Router(plain_fleet(), model)
    picked = requests[:: max(1, len(requests) // MOST_QUERIES)][:MOST_QUERIES]
    for request in picked[:WARM_UP]:
        router.decide(request, None, 0.0)
    taken = [min(_decision_us(router, request) for _ in range(TRIES)) for request in picked]
    return {"p50": float(np.percentile(taken, 50)), "p99": float(np.percentile(taken, 99))}


def _decision_us(router: Router, request: RoutingRequest) -> float:
    began = time.thread_time_ns()
    router.decide(request, None, 0.0)
    return (time.thread_time_ns() - began) / 1000
