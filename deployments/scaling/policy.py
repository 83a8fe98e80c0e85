"""Scaling of a whole fleet as Ray Serve's application-level policy: the board's view in, replicas per deployment out.

Serve calls it in its controller about every tenth of a second, and a policy there must neither raise nor block.
Therefore a thread fetches the board's view. Without a fresh view, every target stays.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from autoscaling.gateways import GatewaySize
from autoscaling.types import PoolDecision, PoolDemand, PoolSignals, ScalingPolicy
from cluster.spec import FleetSpec
from deployments.board.periods import DECIDE_EVERY_S, OLDEST_VIEW_S
from deployments.board.records import Decided
from deployments.metrics.scaling import PolicyMetrics
from deployments.scaling.board_watch import BoardWatch, View
from deployments.scaling.cold_starts import ColdStarts
from deployments.serve_logs import start_logging

GATEWAY = "gateway"
START_S = 120.0
"""The policy reports no unreachable board so long after its own start. The board starts with the first replica, and
while engines load it may answer late."""

log = logging.getLogger("signalbox.scaling")


@dataclass
class Memory:
    """What the policy keeps between two calls."""

    began_s: float = field(default_factory=time.time)
    decided_s: float = 0.0
    desired: dict[str, int] = field(default_factory=dict)
    wanted: dict[str, int] = field(default_factory=dict)
    """Each pool's newest decision; kept while nothing can be decided."""
    cold_starts: ColdStarts = field(default_factory=ColdStarts)


class FleetScaling:
    """The policy that the Serve config names. Serve makes one and calls it with a context for each deployment.

    Args:
        spec: what needs a restart (`deployments.running_spec`). The applied spec comes from the fleet board; nothing is
            decided before.
    """

    def __init__(self, spec: dict[str, Any]) -> None:
        self._use(FleetSpec.model_validate(spec))
        self.memory = Memory()
        self.metrics = PolicyMetrics()
        self.watch = BoardWatch(self.spec)

    def _use(self, spec: FleetSpec) -> None:
        """Decide by this spec from now on."""
        from autoscaling.planner import Planner

        start_logging(spec.log_level, "scaling")
        self.spec = spec
        self.policy: ScalingPolicy = Planner(spec)
        self.gateways = GatewaySize(spec)

    def __call__(self, contexts: Mapping[Any, Any]) -> tuple[dict[Any, int], dict[Any, Any]]:
        """Replicas by deployment id. A deployment keeps its target if nothing can be decided for it."""
        targets = {key.name: int(context.target_num_replicas) for key, context in contexts.items()}
        now_s = time.time()
        try:
            if now_s - self.memory.decided_s >= DECIDE_EVERY_S:
                self.memory.decided_s = now_s
                self.memory.desired = self._decide(targets, now_s) | self._decide_gateways(contexts, now_s)
            desired = {**targets, **self.memory.desired}
        except Exception as error:  # a policy that raises would stop the scaling of every app on the cluster
            log.exception("the scaling policy failed; every target stays")
            self._publish_problem(targets, now_s, f"{type(error).__name__}: {error}")
            self.memory.desired, desired = {}, targets
        return {key: desired[key.name] for key in contexts}, {}

    def _decide(self, targets: Mapping[str, int], now_s: float) -> dict[str, int]:
        """Desired replicas by pool; empty without a fresh view of the fleet."""
        pools = {name: target for name, target in targets.items() if name in self.spec.pools}
        view = self.watch.view
        if view is None or now_s - view.as_of_s > OLDEST_VIEW_S:
            if now_s - self.memory.began_s > START_S:
                self._publish_problem(targets, now_s, "the fleet board is unreachable")
            return {}
        if _read(view.spec) != _read(self.spec):
            self._use(view.spec)
        signals = {pool: self._signals(pool, target, view) for pool, target in pools.items()}
        decisions = self.policy.decide(signals, now_s)
        for pool in pools:
            self.memory.cold_starts.see(pool, signals[pool].ready, decisions[pool].desired, now_s)
            self._note_change(pool, targets[pool], decisions[pool])
        self.watch.publish([_decided(signals[pool], decisions[pool], now_s) for pool in pools])
        return {pool: decisions[pool].desired for pool in pools}

    def _note_change(self, pool: str, target: int, decision: PoolDecision) -> None:
        """Count and log a decision that differs from the last one. Serve may need a while to make it the target."""
        before, desired = self.memory.wanted.get(pool, target), decision.desired
        self.memory.wanted[pool] = desired
        if desired != before:
            log.info("%s: %d to %d replicas: %s", pool, before, desired, decision.reason)
            self.metrics.changes.inc(tags={"pool": pool, "direction": "up" if desired > before else "down"})

    def _publish_problem(self, targets: Mapping[str, int], now_s: float, problem: str) -> None:
        """Tell the board why nothing is decided for any pool."""
        reason = f"target stays: {problem}"
        pools = (pool for pool in targets if pool in self.spec.pools)
        self.watch.publish(
            [Decided(pool, now_s, targets[pool], targets[pool], 0, reason, {}, problem, "problem") for pool in pools]
        )

    def _signals(self, pool: str, target: int, view: View) -> PoolSignals:
        replicas = view.fleet[pool].replicas if pool in view.fleet else ()
        measured = max((replica.start_s for replica in replicas), default=0.0)
        return PoolSignals(
            pool=pool,
            target=target,
            replicas=replicas,
            demand=view.demand.get(pool, PoolDemand()),
            demand_as_of_s=view.as_of_s,
            cold_start_s=self.memory.cold_starts.newest_s(pool) or measured,
        )

    def _decide_gateways(self, contexts: Mapping[Any, Any], now_s: float) -> dict[str, int]:
        """Desired gateway replicas; empty if the gateway does not scale, or the applied spec is not known yet."""
        if self.watch.view is None:
            return {}
        return {
            key.name: self.gateways.decide(context.total_num_requests, int(context.target_num_replicas), now_s)
            for key, context in contexts.items()
            if key.name == GATEWAY
        }


def _read(spec: FleetSpec) -> tuple[Any, ...]:
    """What decisions depend on. Other changes keep what the policy has learned of the load."""
    gateway = spec.gateway.replicas, spec.gateway.max_ongoing_per_replica
    return spec.pools, spec.hardware, spec.scaling, gateway, spec.log_level


def _decided(signals: PoolSignals, decision: PoolDecision, now_s: float) -> Decided:
    replicas = signals.replicas
    return Decided(
        pool=signals.pool,
        at_s=now_s,
        target=signals.target,
        desired=decision.desired,
        ready=signals.ready,
        reason=decision.reason,
        signals={
            "waiting": float(sum(replica.waiting for replica in replicas)),
            "running": float(sum(replica.running for replica in replicas)),
            "kv_usage_ratio": max((replica.kv_usage_ratio for replica in replicas), default=0.0),
            "held": float(signals.demand.held),
            "arrivals_per_s": signals.demand.arrivals_per_s,
            "late_ratio": signals.demand.late_ratio,
            "cold_start_s": signals.cold_start_s,
        },
        signal=decision.signal,
    )
