"""The fleet board: one named actor that holds the newest report of every replica, and what gateway replicas share.

Replicas push; gateways and the scaling policy exchange in the background, so no request waits for the board. It may die
at any time: routing then continues without load, and the next call starts a new board.

On disk it keeps the artifact in use, the budget's account and labels; everything else is in memory. Gateways tell it
the applied spec.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Sequence
from pathlib import Path

from cluster.spec import FleetSpec
from cluster.state import ReplicaState
from deployments.board.artifacts import ArtifactStore
from deployments.board.budget import BudgetStore
from deployments.board.learn_plan import learn_plan
from deployments.board.learner import Learner
from deployments.board.messages import (
    AnsweredRequests,
    ArtifactChange,
    BoardView,
    Booked,
    GatewayReport,
    ScalingLog,
    ScalingView,
    SharedAccount,
)
from deployments.board.periods import LISTEN_FIRST_S, REPLICA_GONE_AFTER_S
from deployments.board.recent_requests import RecentRequests
from deployments.board.records import Decided, LearnPlan, Recent
from deployments.board.scaling import ScalingBoard
from deployments.board.totals import TotalsBoard
from deployments.serve_logs import start_logging

log = logging.getLogger("signalbox.board")


class FleetBoard:
    """What `deployments.board.link.BoardLink` calls: one exchange per role, and a few calls on demand."""

    def __init__(self, folder: Path) -> None:
        start_logging("info", "board")
        log.info("the fleet board starts; it keeps its state in %s", folder)
        self._started_s = time.time()
        self._reports: dict[str, tuple[float, ReplicaState]] = {}
        self._folder = folder
        self._spec: FleetSpec | None = None
        self._plan: LearnPlan | None = None
        self._artifacts = ArtifactStore(folder / "router")
        self._budget = BudgetStore(folder)
        self._learner: Learner | None = None
        self._recent: RecentRequests | None = None
        self._scaling = ScalingBoard()
        self._totals = TotalsBoard()

    # -- replicas --------------------------------------------------------------------------------------------

    def report(self, state: ReplicaState) -> None:
        """Replace a replica's report."""
        self._reports[state.replica_id] = (time.time(), state)

    def leave(self, replica_id: str) -> None:
        """Drop a replica that stops."""
        self._reports.pop(replica_id, None)

    # -- gateways --------------------------------------------------------------------------------------------

    def apply(self, spec: FleetSpec) -> None:
        """Follow a spec from now on."""
        self._spec = spec
        start_logging(spec.log_level, "board")
        plan = learn_plan(spec)
        if plan != self._plan:
            self._learner = Learner(self._folder / "labels", plan, self._artifacts) if plan else None
            self._plan = plan

    def exchange(self, report: GatewayReport) -> BoardView:
        """Take in a gateway replica's report; return what it needs to know."""
        now_s = time.time()
        self._scaling.demand_of(report.gateway, report.demand, now_s)
        if report.answered:
            self._remember(report.answered)
        if self._learner:
            self._learner.add(report.labels, now_s)
            self._learner.step(now_s)
        return BoardView(
            reports=self._snapshot(now_s),
            scaling=dict(self._scaling.current),
            totals=self._totals.exchange(report.gateway, report.totals),
            artifact=self._artifacts.state(),
            budget=self._settle(report.gateway, report.booked, now_s) if report.booked else None,
            learning=self._learner.state() if self._learner else None,
            has_spec=self._spec is not None,
        )

    def recall(self, request_id: str) -> Recent | None:
        """An answered request; None if it is not remembered."""
        return self._recent.find(request_id) if self._recent else None

    def scaling(self, newest: int) -> ScalingLog:
        """Newest decisions, and the `newest` entries of their log."""
        return self._scaling.log(newest)

    def artifact(self, version: str) -> bytes | None:
        """An artifact's bytes; None if they are not kept."""
        return self._artifacts.read(version)

    def use_artifact(self, data: bytes) -> ArtifactChange:
        """Put an artifact in use.

        Raises:
            OSError: it could not be stored; the one before stays in use.
        """
        self._artifacts.use(data, time.time())
        return ArtifactChange(True, self._artifacts.state())

    def roll_back_artifact(self) -> ArtifactChange:
        """Return to the artifact before the one in use.

        Raises:
            OSError: it could not be stored; nothing has changed.
        """
        return ArtifactChange(self._artifacts.roll_back(time.time()), self._artifacts.state())

    # -- the scaling policy ----------------------------------------------------------------------------------

    def exchange_scaling(self, decisions: Sequence[Decided]) -> ScalingView:
        """Take in the policy's decisions; return the fleet, its demand and its spec."""
        now_s = time.time()
        self._scaling.decided(decisions)
        return ScalingView(self._snapshot(now_s), self._scaling.demand(now_s), self._spec)

    # -- inside ----------------------------------------------------------------------------------------------

    def _snapshot(self, now_s: float) -> list[ReplicaState] | None:
        if now_s - self._started_s < LISTEN_FIRST_S:
            return None
        oldest = now_s - REPLICA_GONE_AFTER_S
        self._reports = {key: entry for key, entry in self._reports.items() if entry[0] >= oldest}
        return [state for _, state in self._reports.values()]

    def _remember(self, answered: AnsweredRequests) -> None:
        self._recent = self._recent or RecentRequests(answered.limits)
        self._recent.remember(answered.requests)

    def _settle(self, gateway: str, booked: Booked, now_s: float) -> SharedAccount:
        return self._budget.settle(gateway, dict(booked.budget), booked.account, now_s)
