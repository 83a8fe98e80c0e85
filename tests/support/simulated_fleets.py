"""Small fleets of simulated engines for tests of the simulation."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from autoscaling.types import PoolDecision, PoolSignals
from cluster.spec import FleetSpec
from router.quality import RuleQuality
from router.types import RoutingRequest
from simulation.arrivals import Arrivals
from simulation.desk import KnownQuality
from simulation.fleet import Conditions, Fleet, Run
from simulation.launching import ColdStart
from simulation.shapes import engine_shape
from simulation.workload import Workload

ENGINE = {"prefill_tokens_per_s": 10_000, "decode_tokens_per_s": 50, "max_num_seqs": 8, "kv_capacity_tokens": 20_000}


def fleet_spec(
    replicas: Mapping[str, Any] | None = None, engine: Mapping[str, Any] | None = None, **sections: Any
) -> FleetSpec:
    """One pool `small` of simulated engines on 8 devices; bounds 1 to 8."""
    options = {**ENGINE, **(engine or {})}
    limits = {name: options.pop(name) for name in ("max_ongoing_requests",) if name in options}
    pool = {
        "tier": "small",
        "model": "m",
        "replicas": dict(replicas or {"min": 1, "max": 8}),
        "prices": {"replica_per_hour": 3.0},
        "engine": {"kind": "simulated", "options": options, **limits},
    }
    hardware = {"cpu": {"devices_per_node": 4, "nodes": 2}}
    return FleetSpec.model_validate({"hardware": hardware, "pools": {"small": pool}, **sections})


def steady(requests: int, per_s: float, prompt_tokens: int = 200, answer_tokens: int = 50) -> Workload:
    """Requests at even distances, all alike."""
    lengths = np.full((2, requests), 1, dtype=np.int64) * np.array([[prompt_tokens], [answer_tokens]])
    return Workload(np.arange(requests) / per_s, lengths[0], lengths[1], None, requests / per_s)


class Plan:
    """A policy that wants what was planned for a time, and remembers what it saw."""

    def __init__(self, wanted: Mapping[float, int] | None = None) -> None:
        self._wanted = dict(wanted or {})
        self.seen: list[tuple[float, PoolSignals]] = []

    def decide(self, signals: Mapping[str, PoolSignals], now_s: float) -> dict[str, PoolDecision]:
        decisions = {}
        for name, seen in signals.items():
            self.seen.append((now_s - 1e9, seen))
            due = [replicas for at_s, replicas in self._wanted.items() if at_s <= now_s - 1e9]
            decisions[name] = PoolDecision(name, due[-1] if due else seen.target, "as planned")
        return decisions


def play(
    spec: FleetSpec,
    workload: Workload,
    policy: Any,
    cold_start: ColdStart | None = None,
    model: str = "auto",
    seed: int = 0,
) -> Run:
    """Run a fleet to its end."""
    shapes = {name: engine_shape(spec, name) for name in spec.pools}
    arrivals = Arrivals(workload, [RoutingRequest("7 + 5?", model=model)] * len(workload), KnownQuality(RuleQuality()))
    conditions = Conditions(shapes, cold_start or ColdStart(10.0, 10.0), seed)
    return Fleet(spec, arrivals, conditions, policy).run()
