"""A clairvoyant oracle: it is told what will arrive, and has replicas ready when it does.

    desired = the most replicas that any window of demand between now and one cold start ahead keeps busy,
              over the share of a replica that may be busy

The bound that studies of autoscaling measure against. To look ahead by exactly a cold start is the least that helps: a
replica asked for now serves then. It also never gives up a replica that would have to start again at once; one that is
needed later than a cold start from now is cheaper to start again, since its start costs what its waiting would.
Requests that arrived a moment ago still run, so that the look begins a little before now.
"""

from __future__ import annotations

from pydantic import Field

from autoscaling.types import PoolSignals
from cluster.pool import Part
from cluster.spec import FleetSpec
from simulation.baselines.knowledge import NOTHING, Knowledge, spans
from simulation.baselines.parameters import Point, read_parameters
from simulation.baselines.per_pool import Bounds, PerPoolPolicy, Rule, Wish


class OracleParameters(Part):
    """Parameters of the oracle."""

    utilization_ratio: float = Field(default=0.7, ge=0.01, le=1)
    """Share of a replica that the demand of a window may keep busy."""
    window_s: float = Field(default=30.0, ge=1)
    """Demand is looked at in means over such windows."""
    lead_s: float = Field(default=30.0, ge=0)
    """How much earlier than the cold start asks for it replicas are started."""
    tail_s: float = Field(default=30.0, ge=0)
    """How long requests run on after they arrived."""
    cold_start_s: float = Field(default=120.0, ge=0)
    """Cold start to expect where the pool has not measured one."""


MOST_AHEAD_S = 3600.0
"""However long a cold start is said to take."""

GRID: list[Point] = [
    {"utilization_ratio": share, "window_s": window} for share in (0.3, 0.45, 0.6, 0.75, 0.9) for window in (15, 60)
]


def oracle(spec: FleetSpec, parameters: Point, knowledge: Knowledge = NOTHING) -> PerPoolPolicy:
    """The policy. Reads `capacity` and `demand`.

    Raises:
        ValueError: a parameter is wrong, or what it reads was not told.
    """
    chosen = read_parameters(OracleParameters, "oracle", parameters)
    demand = knowledge.future("oracle")
    capacity = {pool: knowledge.capacity_of("oracle", pool) for pool in spec.pools}

    def new_rule(pool: str, bounds: Bounds) -> Rule:
        def rule(signals: PoolSignals, now_s: float) -> Wish:
            ahead_s = min(MOST_AHEAD_S, signals.cold_start_s or chosen.cold_start_s) + chosen.lead_s
            windows = spans(now_s - chosen.tail_s, now_s + ahead_s, chosen.window_s)
            busy = max((capacity[pool].replicas_for(demand(pool, *window)) for window in windows), default=0.0)
            share = chosen.utilization_ratio
            reason = f"demand of the next {ahead_s:.0f} s keeps {busy:.2f} replicas busy, {share:.2f} of each may be"
            return Wish(busy / share, reason)

        return rule

    return PerPoolPolicy(spec, new_rule)
