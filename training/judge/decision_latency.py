"""CPU time of a routing decision: features, prediction and choice, on one thread."""

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
    """A pool for each tier and no other settings. Every pool has all capabilities, so no request is rejected."""
    able = {"capabilities": list(get_args(Capability))}
    pools = {tier: {"tier": tier, "model": tier, "engine": {"kind": "simulated"}, **able} for tier in TIERS}
    return FleetSpec.model_validate({"pools": pools})


def decision_latency_us(model: QualityModel, requests: Sequence[RoutingRequest]) -> dict[str, float]:
    """p50 and p99 over at most 2,000 evenly picked queries, warm, in CPU microseconds.

    Each query counts with the fastest of its three decisions, because other processes that share the caches add time.
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
