"""What is exported of scaling: changes where they are decided, sizes and reasons where gateways read the board."""

from __future__ import annotations

from collections.abc import Mapping
from typing import get_args

from autoscaling.types import Signal
from cluster.spec import FleetSpec
from cluster.state import FleetState, PoolState
from deployments.board.scaling import Decided
from deployments.metrics.definition import CURRENCY, POOL, counter, gauge


class PolicyMetrics:
    """What the scaling policy counts, in Serve's controller."""

    changes = counter(
        "signalbox_scaling_changes",
        "decisions",
        POOL | {"direction": "up, down"},
        "Decisions that asked for another number of replicas than the one before.",
        "Up and down in turn: raise `scaling.downscale_delay_s`. Read the reasons in `signalbox status`.",
    )


class ScalingMetrics:
    """Each pool's size and why: every gateway replica exports what it reads off the fleet board."""

    replicas = gauge(
        "signalbox_replicas",
        "replicas",
        POOL | {"state": "desired, ready, starting"},
        "Replicas by state. Of a pool that Ray Serve sizes itself only `ready` is known.",
        "Desired above ready for longer than a cold start: nodes are missing, or replicas fail to start.",
        over="max",
    )
    scaling_reason = gauge(
        "signalbox_scaling_reason",
        "0 or 1",
        POOL | {"reason": ", ".join(get_args(Signal))},
        "1 for the signal that set the pool's newest decision, 0 for the others.",
        "`held`, `problem`: nothing is decided, read the sentence in `signalbox status`. `budget`: devices are short.",
        over="max",
    )
    decision_age = gauge(
        "signalbox_scaling_decision_age_seconds",
        "seconds",
        POOL,
        "Time since the newest decision.",
        "Above 10: the policy is not asked. Look at the Serve controller and at the fleet board.",
        over="max",
    )
    cold_start = gauge(
        "signalbox_cold_start_seconds",
        "seconds",
        POOL,
        "From asking for a replica to its first report, newest measurement; 0 where none was made.",
        "Far above the sum of the phases: nodes or images come late.",
        over="max",
    )
    report_age = gauge(
        "signalbox_report_age_seconds",
        "seconds",
        POOL,
        "Age of the oldest report among the pool's replicas as a gateway sees it; 0 without replicas.",
        "Above 3: a replica counts as busy whatever it does. All pools at once: the fleet board is away.",
        over="max",
    )
    replica_cost = gauge(
        "signalbox_replica_cost_per_hour",
        CURRENCY,
        POOL,
        "Ready replicas times `prices.replica_per_hour`.",
        "High beside few requests: lower `replicas.min` or `scaling.downscale_delay_s`.",
        over="max",
    )


class ScalingExport:
    """Exports sizes, reasons and ages as one gateway replica knows them."""

    def __init__(self, spec: FleetSpec, metrics: ScalingMetrics) -> None:
        self._spec = spec
        self._metrics = metrics
        self._decisions: Mapping[str, Decided] = {}
        self._fleet: FleetState | None = None

    def set(self, decisions: Mapping[str, Decided] | None, fleet: FleetState | None, now_s: float) -> None:
        """Export the newest decisions by pool and the newest snapshot of the fleet.

        Without them (None: the board is away) sizes stay what they were, and ages grow.
        """
        self._decisions = self._decisions if decisions is None else decisions
        self._fleet = self._fleet if fleet is None else fleet
        for pool in self._spec.pools:
            if pool in self._decisions:
                self._set_decision(self._decisions[pool], now_s)
            if self._fleet is not None:
                self._set_size(pool, self._fleet.get(pool, PoolState(pool)), now_s)

    def _set_decision(self, one: Decided, now_s: float) -> None:
        self._metrics.decision_age.set(max(0.0, now_s - one.at_s), {"pool": one.pool})
        if one.problem is None:
            self._metrics.cold_start.set(one.signals["cold_start_s"], {"pool": one.pool})
        for signal in get_args(Signal):
            self._metrics.scaling_reason.set(float(signal == one.signal), {"pool": one.pool, "reason": signal})

    def _set_size(self, pool: str, state: PoolState, now_s: float) -> None:
        counts = {"ready": state.ready}
        if (one := self._decisions.get(pool)) is not None:
            counts |= {"desired": one.desired, "starting": max(0, one.target - state.ready)}
        elif (bounds := self._spec.pools[pool].replicas).min == bounds.max:  # nobody decides, the spec says it
            counts |= {"desired": bounds.min, "starting": max(0, bounds.min - state.ready)}
        for name, count in counts.items():
            self._metrics.replicas.set(count, {"pool": pool, "state": name})
        oldest_s = min((replica.as_of_s for replica in state.replicas), default=now_s)
        self._metrics.report_age.set(max(0.0, now_s - oldest_s), {"pool": pool})
        per_hour = self._spec.pools[pool].prices.replica_per_hour
        self._metrics.replica_cost.set(state.ready * per_hour, {"pool": pool})
