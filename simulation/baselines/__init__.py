"""Scaling policies to compare with, each from its source's formula; docs/baselines.md lists them.

`POLICIES[name](spec, parameters, knowledge)` creates a policy without history. Parameters default to the source's
values; `GRIDS[name]` lists the points to search when a baseline is tuned.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Protocol

from autoscaling.types import ScalingPolicy
from cluster.spec import FleetSpec
from simulation.baselines import (
    aibrix_apa,
    aibrix_kpa,
    hpa_kv,
    keda,
    llm_d,
    oracle,
    ray_serve,
    sla_planner,
    static,
)
from simulation.baselines.knowledge import NO_KNOWLEDGE, Capacity, Demand, Knowledge, Load
from simulation.baselines.parameters import Point

__all__ = ["GRIDS", "POLICIES", "Capacity", "Demand", "Factory", "Knowledge", "Load", "Point"]


class Factory(Protocol):
    """Creates a policy without history."""

    def __call__(self, spec: FleetSpec, parameters: Point, knowledge: Knowledge = NO_KNOWLEDGE) -> ScalingPolicy:
        """A policy within the spec's bounds.

        Raises:
            ValueError: a parameter is invalid, or knowledge that the policy needs is missing.
        """


POLICIES: Mapping[str, Factory] = {
    "static-peak": static.static_peak,
    "static-mean": static.static_mean,
    "ray-serve": ray_serve.ray_serve,
    "keda": keda.keda,
    "hpa-kv": hpa_kv.hpa_kv,
    "aibrix-apa": aibrix_apa.aibrix_apa,
    "aibrix-kpa": aibrix_kpa.aibrix_kpa,
    "llm-d": llm_d.llm_d,
    "sla-planner": sla_planner.sla_planner,
    "oracle": oracle.oracle,
}
GRIDS: Mapping[str, list[Point]] = {
    "static-peak": static.GRID,
    "static-mean": static.GRID,
    "ray-serve": ray_serve.GRID,
    "keda": keda.GRID,
    "hpa-kv": hpa_kv.GRID,
    "aibrix-apa": aibrix_apa.GRID,
    "aibrix-kpa": aibrix_kpa.GRID,
    "llm-d": llm_d.GRID,
    "sla-planner": sla_planner.GRID,
    "oracle": oracle.GRID,
}
