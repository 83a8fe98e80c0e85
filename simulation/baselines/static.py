"""Constant sizes, as an operator would set them who knows the day's mean or peak load.

They are the usual reference in papers on autoscaling. Sizes come from the trace itself, so the peak is the best
constant size in hindsight, and the mean is the cheapest one that can work at all.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping

from pydantic import Field

from autoscaling.types import PoolSignals
from cluster.part import Part
from cluster.spec import FleetSpec
from simulation.baselines.knowledge import NO_KNOWLEDGE, Capacity, Demand, Knowledge, spans
from simulation.baselines.parameters import Point, read_parameters
from simulation.baselines.per_pool import Bounds, PerPoolPolicy, Proposal, Rule


class StaticParameters(Part):
    """Parameters of both constant sizes."""

    scale: float = Field(default=1.0, gt=0)
    """Factor on the replicas that the load keeps busy. Above 1, it leaves room for peaks within a window."""
    window_s: float = Field(default=60.0, ge=1)
    """Length of the windows whose largest mean is the peak, in seconds."""


GRID: list[Point] = [{"scale": scale} for scale in (0.8, 1.0, 1.25, 1.5, 2.0, 3.0)]


Size = Callable[[Demand, str, Capacity, tuple[float, float], float], float]
"""Replicas of a pool, from (demand, pool, capacity of a replica, first and last moment, window in seconds)."""


def mean_size(
    demand: Demand, pool: str, capacity: Capacity, span_s: tuple[float, float], window_s: float = 0.0
) -> float:
    """Replicas that the mean load over the span keeps busy. The window has no effect."""
    return capacity.replicas_for(demand(pool, *span_s))


def peak_size(demand: Demand, pool: str, capacity: Capacity, span_s: tuple[float, float], window_s: float) -> float:
    """Replicas that the busiest of the span's consecutive windows of `window_s` seconds keeps busy."""
    return max((capacity.replicas_for(demand(pool, *window)) for window in spans(*span_s, window_s)), default=0.0)


def static_policy(spec: FleetSpec, replicas: Mapping[str, float]) -> PerPoolPolicy:
    """A policy with a constant number of replicas per pool."""

    def new_rule(pool: str, bounds: Bounds) -> Rule:
        proposal = Proposal(replicas[pool], f"constant: {math.ceil(replicas[pool])}")

        def rule(signals: PoolSignals, now_s: float) -> Proposal:
            return proposal

        return rule

    return PerPoolPolicy(spec, new_rule)


def static_peak(spec: FleetSpec, parameters: Point, knowledge: Knowledge = NO_KNOWLEDGE) -> PerPoolPolicy:
    """Sizes pools for the busiest window of the trace. It needs `capacity`, `demand` and `span_s`.

    Raises:
        ValueError: a parameter is invalid, or knowledge is missing.
    """
    return _sized(spec, "static-peak", parameters, knowledge, peak_size)


def static_mean(spec: FleetSpec, parameters: Point, knowledge: Knowledge = NO_KNOWLEDGE) -> PerPoolPolicy:
    """Sizes pools for the mean load of the trace. It needs `capacity`, `demand` and `span_s`.

    Raises:
        ValueError: a parameter is invalid, or knowledge is missing.
    """
    return _sized(spec, "static-mean", parameters, knowledge, mean_size)


def _sized(spec: FleetSpec, policy: str, parameters: Point, knowledge: Knowledge, size: Size) -> PerPoolPolicy:
    chosen = read_parameters(StaticParameters, policy, parameters)
    demand, span_s = knowledge.future(policy), knowledge.span(policy)
    capacity = {pool: knowledge.capacity_of(policy, pool) for pool in spec.pools}
    sizes = {pool: size(demand, pool, each, span_s, chosen.window_s) for pool, each in capacity.items()}
    return static_policy(spec, {pool: chosen.scale * busy for pool, busy in sizes.items()})
