"""Exports pool sizes, scaling reasons and the ages of reports as metrics."""

from __future__ import annotations

from collections.abc import Mapping
from typing import get_args

from autoscaling.types import Signal
from cluster.spec import FleetSpec
from cluster.state import FleetState, PoolState
from deployments.board.records import Decided
from deployments.metrics.scaling import ScalingMetrics


class ScalingExport:
    """Exports sizes, reasons and ages as one gateway replica knows them."""

    def __init__(self, spec: FleetSpec, metrics: ScalingMetrics) -> None:
        self._spec = spec
        self._metrics = metrics
        self._decisions: Mapping[str, Decided] = {}
        self._fleet: FleetState | None = None

    def set(self, decisions: Mapping[str, Decided] | None, fleet: FleetState | None, now_s: float) -> None:
        """Export the newest decisions by pool and the newest snapshot of the fleet.

        Without them (None: the board is unreachable) sizes keep their values, and ages grow.
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
        elif (bounds := self._spec.pools[pool].replicas).min == bounds.max:  # a fixed size needs no decisions
            counts |= {"desired": bounds.min, "starting": max(0, bounds.min - state.ready)}
        for name, count in counts.items():
            self._metrics.replicas.set(count, {"pool": pool, "state": name})
        oldest_s = min((replica.as_of_s for replica in state.replicas), default=now_s)
        self._metrics.report_age.set(max(0.0, now_s - oldest_s), {"pool": pool})
        per_hour = self._spec.pools[pool].prices.replica_per_hour
        self._metrics.replica_cost.set(state.ready * per_hour, {"pool": pool})
