"""A fleet of one pool, what it reports, and how a policy is asked about it."""

from __future__ import annotations

import pytest
from scaled_pools import changed

from autoscaling.types import PoolSignals
from cluster.spec import FleetSpec
from cluster.state import ReplicaState

POOL = "small"


@pytest.fixture
def spec():
    """A spec of one pool within bounds."""

    def make(low=1, high=20):
        pool = {"tier": POOL, "model": "m", "engine": {"kind": "simulated"}, "replicas": {"min": low, "max": high}}
        return FleetSpec.model_validate({"pools": {POOL: pool}})

    return make


@pytest.fixture
def seen():
    """Signals of the pool: one replica for each entry of `usages`, with as many waiting and running as given."""

    def make(now_s, target, usages=(), waiting=(), running=(), generated=0, **more):
        waiting, running = waiting or [0] * len(usages), running or [0] * len(usages)
        reports = tuple(
            ReplicaState(POOL, f"r{index}", "n", now_s, queue, batch, usage, 10_000, generated_tokens_total=generated)
            for index, (usage, queue, batch) in enumerate(zip(usages, waiting, running, strict=True))
        )
        return changed(PoolSignals(POOL, target, reports), **more)

    return make


@pytest.fixture
def ask():
    """Replicas that a policy wants for the pool."""
    return lambda policy, signals, now_s: policy.decide({POOL: signals}, now_s)[POOL].desired
