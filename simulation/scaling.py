"""Calls the scaling policy with the fleet's signals, and records the fleet over time."""

from __future__ import annotations

from collections.abc import Mapping

from autoscaling.demand_window import DemandWindow
from autoscaling.types import PoolSignals, ScalingPolicy
from cluster.state import FleetState
from simulation.pools import Pool
from simulation.replica import EPOCH_S
from simulation.series import PoolSeries, ScaleEvent, Series


class Scaling:
    """Calls the policy for the desired replicas, and records time series for plots."""

    def __init__(self, policy: ScalingPolicy, pools: Mapping[str, Pool], began_s: float) -> None:
        self.demand = {name: DemandWindow(began_s) for name in pools}
        self.series = Series(pools={name: PoolSeries() for name in pools})
        self._policy = policy
        self._pools = pools

    def decide(self, fleet: FleetState, now_s: float) -> dict[str, int]:
        """Desired replicas of the pools where they change, within the spec's bounds, which Serve also applies."""
        signals = {name: self._signals(pool, fleet, now_s) for name, pool in self._pools.items()}
        self._note(signals, now_s)
        changes = {}
        for name, decision in self._policy.decide(signals, EPOCH_S + now_s).items():
            bounds, before = self._pools[name].spec.replicas, self._pools[name].target
            desired = min(max(decision.desired, bounds.min), bounds.max)
            if desired != before:
                changes[name] = desired
                self.series.events.append(ScaleEvent(now_s, name, before, desired, decision.reason))
        return changes

    def _signals(self, pool: Pool, fleet: FleetState, now_s: float) -> PoolSignals:
        return PoolSignals(
            pool=pool.name,
            target=pool.target,
            replicas=fleet[pool.name].replicas,
            demand=self.demand[pool.name].means(now_s, held=len(pool.held)),
            demand_as_of_s=EPOCH_S + now_s,
            cold_start_s=pool.cold_start_s,
        )

    def _note(self, signals: Mapping[str, PoolSignals], now_s: float) -> None:
        self.series.at_s.append(now_s)
        for name, seen in signals.items():
            series, replicas = self.series.pools[name], seen.replicas
            series.arrivals_per_s.append(seen.demand.arrivals_per_s)
            series.ready.append(seen.ready)
            series.target.append(seen.target)
            series.queue.append(seen.demand.held + sum(each.waiting for each in replicas))
            series.running.append(sum(each.running for each in replicas))
            series.kv_usage_ratio.append(sum(each.kv_usage_ratio for each in replicas) / max(len(replicas), 1))
