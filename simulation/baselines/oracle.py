"""A clairvoyant oracle: it knows the future load and has replicas ready in time.

    desired = the maximum, over windows from now to one cold start ahead, of the replicas that the demand keeps busy,
              divided by the share of a replica that may be busy

It is the usual bound in studies of autoscaling. It looks ahead by one cold start, because a replica requested now
serves then. It never stops a replica that would have to start again immediately. If a replica is needed only after one
cold start, restarting it costs no more than keeping it. The look begins a little before now, because requests that
arrived a moment ago still run.
"""

from __future__ import annotations

from pydantic import Field

from autoscaling.types import PoolSignals
from cluster.part import Part
from cluster.spec import FleetSpec
from simulation.baselines.knowledge import NO_KNOWLEDGE, Knowledge, spans
from simulation.baselines.parameters import Point, read_parameters
from simulation.baselines.per_pool import Bounds, PerPoolPolicy, Proposal, Rule


class OracleParameters(Part):
    """Parameters of the oracle."""

    utilization_ratio: float = Field(default=0.7, ge=0.01, le=1)
    """Share of a replica that the demand of a window may keep busy, 0..1."""
    window_s: float = Field(default=30.0, ge=1)
    """Length of the windows over which demand is averaged, in seconds."""
    lead_s: float = Field(default=30.0, ge=0)
    """Extra seconds that replicas are started earlier than one cold start ahead."""
    tail_s: float = Field(default=30.0, ge=0)
    """Seconds that requests continue to run after they arrived."""
    cold_start_s: float = Field(default=120.0, ge=0)
    """Expected cold start in seconds, if the pool has not measured one."""


MAX_LOOK_AHEAD_S = 3600.0
"""Upper limit of the look-ahead, whatever the cold start."""

GRID: list[Point] = [
    {"utilization_ratio": share, "window_s": window} for share in (0.3, 0.45, 0.6, 0.75, 0.9) for window in (15, 60)
]


def oracle(spec: FleetSpec, parameters: Point, knowledge: Knowledge = NO_KNOWLEDGE) -> PerPoolPolicy:
    """The policy. It needs `capacity` and `demand`.

    Raises:
        ValueError: a parameter is invalid, or knowledge is missing.
    """
    chosen = read_parameters(OracleParameters, "oracle", parameters)
    demand = knowledge.future("oracle")
    capacity = {pool: knowledge.capacity_of("oracle", pool) for pool in spec.pools}

    def new_rule(pool: str, bounds: Bounds) -> Rule:
        def rule(signals: PoolSignals, now_s: float) -> Proposal:
            ahead_s = min(MAX_LOOK_AHEAD_S, signals.cold_start_s or chosen.cold_start_s) + chosen.lead_s
            windows = spans(now_s - chosen.tail_s, now_s + ahead_s, chosen.window_s)
            busy = max((capacity[pool].replicas_for(demand(pool, *window)) for window in windows), default=0.0)
            share = chosen.utilization_ratio
            reason = f"demand of the next {ahead_s:.0f} s keeps {busy:.2f} replicas busy, at most {share:.2f} of each"
            return Proposal(busy / share, reason)

        return rule

    return PerPoolPolicy(spec, new_rule)
