"""Scaling of a whole fleet as Ray Serve's application-level policy: the board's view in, replicas per deployment out.

Serve calls it in its controller every tenth of a second or so, and a policy there must neither raise nor block: what it
knows is fetched by a thread beside it, and where it knows nothing, every target stays.
"""

from __future__ import annotations

import logging
import threading
import time
import weakref
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import ray

from autoscaling.gateways import GatewaySize
from autoscaling.types import PoolDecision, PoolSignals, ScalingPolicy
from cluster.spec import FleetSpec
from cluster.state import PoolState, group_by_pool
from deployments.board.link import BoardLink
from deployments.board.records import Decided, PoolDemand
from deployments.metrics.scaling import PolicyMetrics
from deployments.scaling.cold_starts import ColdStarts

DECIDE_EVERY_S = 1.0
OLDEST_VIEW_S = 5.0
"""A view of the fleet that is older decides nothing."""
BOARD_TIMEOUT_S = 2.0
MOST_UNSAID = 100
GATEWAY = "gateway"

log = logging.getLogger("signalbox.scaling")


@dataclass(frozen=True)
class View:
    """What the board knew at one moment."""

    as_of_s: float
    fleet: Mapping[str, PoolState]
    demand: Mapping[str, PoolDemand]


@dataclass
class Memory:
    """What a policy object keeps between two calls."""

    decided_s: float = 0.0
    desired: dict[str, int] = field(default_factory=dict)
    wanted: dict[str, int] = field(default_factory=dict)
    """Each pool's newest decision, kept while nothing can be decided."""
    cold_starts: ColdStarts = field(default_factory=ColdStarts)


class FleetScaling:
    """The policy that the Serve config names; Serve makes one and calls it with a context for each deployment."""

    def __init__(self, spec: dict[str, Any]) -> None:
        from autoscaling.planner import Planner

        self.spec = FleetSpec.model_validate(spec)
        self.policy: ScalingPolicy = Planner(self.spec)
        self.gateways = GatewaySize(self.spec)
        self.memory = Memory()
        self.metrics = PolicyMetrics()
        self.watch = BoardWatch(self.spec)

    def __call__(self, contexts: Mapping[Any, Any]) -> tuple[dict[Any, int], dict[Any, Any]]:
        """Replicas by deployment id. What cannot be decided keeps its target."""
        targets = {key.name: int(context.target_num_replicas) for key, context in contexts.items()}
        now_s = time.time()
        try:
            if now_s - self.memory.decided_s >= DECIDE_EVERY_S:
                self.memory.decided_s = now_s
                self.memory.desired = self._decide(targets, now_s) | self._decide_gateways(contexts, now_s)
            desired = {**targets, **self.memory.desired}
        except Exception as error:  # a policy that raises would stop the scaling of every app on the cluster
            log.exception("scaling decided nothing")
            self._say_problem(targets, now_s, f"{type(error).__name__}: {error}")
            self.memory.desired, desired = {}, targets
        return {key: desired[key.name] for key in contexts}, {}

    def _decide(self, targets: Mapping[str, int], now_s: float) -> dict[str, int]:
        """Desired replicas of pools; empty where the fleet is not in sight."""
        pools = {name: target for name, target in targets.items() if name in self.spec.pools}
        view = self.watch.view
        if view is None or now_s - view.as_of_s > OLDEST_VIEW_S:
            self._say_problem(targets, now_s, "the fleet board is not in sight")
            return {}
        signals = {pool: self._signals(pool, target, view) for pool, target in pools.items()}
        decisions = self.policy.decide(signals, now_s)
        for pool in pools:
            self.memory.cold_starts.see(pool, signals[pool].ready, decisions[pool].desired, now_s)
            self._count_change(pool, targets[pool], decisions[pool].desired)
        self.watch.say([_decided(signals[pool], decisions[pool], now_s) for pool in pools])
        return {pool: decisions[pool].desired for pool in pools}

    def _count_change(self, pool: str, target: int, desired: int) -> None:
        """Count a decision that differs from the one before; Serve may take a while to make it the target."""
        before = self.memory.wanted.get(pool, target)
        self.memory.wanted[pool] = desired
        if desired != before:
            self.metrics.changes.inc(tags={"pool": pool, "direction": "up" if desired > before else "down"})

    def _say_problem(self, targets: Mapping[str, int], now_s: float, problem: str) -> None:
        """Why nothing is decided for any pool."""
        reason = f"target stays: {problem}"
        pools = (pool for pool in targets if pool in self.spec.pools)
        self.watch.say(
            [Decided(pool, now_s, targets[pool], targets[pool], 0, reason, {}, problem, "problem") for pool in pools]
        )

    def _signals(self, pool: str, target: int, view: View) -> PoolSignals:
        replicas = view.fleet[pool].replicas if pool in view.fleet else ()
        demand = view.demand.get(pool, PoolDemand())
        measured = max((replica.start_s for replica in replicas), default=0.0)
        return PoolSignals(
            pool=pool,
            target=target,
            replicas=replicas,
            held=demand.held,
            arrivals_per_s=demand.arrivals_per_s,
            prompt_tokens=demand.prompt_tokens,
            answer_tokens=demand.answer_tokens,
            answers_per_s=demand.answers_per_s,
            late_ratio=demand.late_ratio,
            taken_per_s=demand.taken_per_s,
            demand_as_of_s=view.as_of_s,
            cold_start_s=self.memory.cold_starts.newest_s(pool) or measured,
        )

    def _decide_gateways(self, contexts: Mapping[Any, Any], now_s: float) -> dict[str, int]:
        """Desired gateway replicas; empty where the gateway does not scale."""
        return {
            key.name: self.gateways.decide(context.total_num_requests, int(context.target_num_replicas), now_s)
            for key, context in contexts.items()
            if key.name == GATEWAY
        }


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
            "held": float(signals.held),
            "arrivals_per_s": signals.arrivals_per_s,
            "late_ratio": signals.late_ratio,
            "cold_start_s": signals.cold_start_s,
        },
        signal=decision.signal,
    )


class BoardWatch:
    """Exchanges with the board in a thread: the newest view comes in, decisions go out. Ends with its owner."""

    def __init__(self, spec: FleetSpec) -> None:
        self.view: View | None = None
        self._unsaid: list[Decided] = []
        threading.Thread(target=_exchange_forever, args=(weakref.ref(self), BoardLink(spec)), daemon=True).start()

    def say(self, decisions: list[Decided]) -> None:
        """What the board is to know next; the newest are kept while it cannot be reached."""
        self._unsaid = [*self._unsaid, *decisions][-MOST_UNSAID:]

    def exchange(self, board: BoardLink) -> None:
        """One exchange; without the board the view grows old."""
        said, self._unsaid = self._unsaid, []
        try:
            answer: Any = ray.get(board.actor().exchange_scaling.remote(said), timeout=BOARD_TIMEOUT_S)
        except Exception:
            self._unsaid = [*said, *self._unsaid]
            raise
        reports, demand = answer
        if reports is not None:
            self.view = View(time.time(), group_by_pool(reports), demand)


def _exchange_forever(watch: weakref.ref[BoardWatch], board: BoardLink) -> None:
    while (owner := watch()) is not None:
        try:
            owner.exchange(board)
        except Exception as error:
            log.warning("fleet board not reached: %s", error)
            board.forget()
        del owner
        time.sleep(DECIDE_EVERY_S)
