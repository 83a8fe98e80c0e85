"""Keeps a gateway replica in step with the fleet board: one exchange twice a second, off the path of requests.

Nothing is lost while the board is unreachable. Totals are cumulative, and the replica reports bookings and answered
requests once the board is back. Meanwhile routing ignores load.
"""

from __future__ import annotations

import secrets
import time
from collections.abc import Mapping

from autoscaling.types import PoolDemand
from cluster.state import group_by_pool
from deployments.board.link import BoardLink
from deployments.board.messages import Booked, GatewayReport, SharedAccount
from deployments.gateway.desk import GatewayDesk
from deployments.gateway.learning.learning import Learning
from deployments.gateway.page.live import LiveData
from deployments.gateway.scaling_export import ScalingExport
from router.budget.spend_window import SpendWindow


class BoardSync:
    """Sends reports from the desk and learning, and passes the board's view to them and to the live page."""

    def __init__(
        self,
        board: BoardLink,
        desk: GatewayDesk,
        learning: Learning,
        live: LiveData,
        before: BoardSync | None = None,
    ) -> None:
        """Go on as the same gateway as `before`, under an earlier spec."""
        self._gateway: str = before._gateway if before else secrets.token_hex(8)
        self._applied = False
        """Whether the board was told the spec."""
        self._board = board
        self._desk = desk
        self._learning = learning
        self._live = live
        self._metrics = desk.ledger.metrics
        self._scaling_export = ScalingExport(desk.spec, self._metrics)
        self._spend = SpendWindow()

    async def exchange(self) -> None:
        """Exchange once. Without the board there is no snapshot, and load is ignored."""
        if not self._applied:
            await self._board.apply(self._desk.spec)
        report = self._report()
        view = await self._board.exchange(report)
        self._applied = view is not None and view.has_spec
        now_s = time.time()
        self._settle(report.booked, view.budget if view else None)
        fleet = group_by_pool(view.reports) if view and view.reports is not None else None
        self._desk.accounts.see(fleet)
        self._export_demand(report.demand)
        self._scaling_export.set(view.scaling if view else None, fleet, now_s)
        self._live.see(now_s, fleet, view.scaling if view else {}, view.totals if view else None)
        if view:
            self._learning.reported(report.answered, report.labels if view.has_spec else ())
            self._learning.see(view.learning)
            self._learning.follow(view.artifact)

    def _report(self) -> GatewayReport:
        """Return what is new on this replica. The booking comes last, so that an earlier error loses nothing."""
        ledger, accounts = self._desk.ledger, self._desk.accounts
        return GatewayReport(
            self._gateway,
            ledger.demand.now(self._desk.spec.pools, accounts.fleet),
            ledger.totals,
            answered=self._learning.report(),
            labels=self._learning.labels(),
            booked=self._booked(),
        )

    def _booked(self) -> Booked | None:
        budget, section = self._desk.accounts.budget, self._desk.spec.routing.budget
        if budget is None or section is None:
            return None
        return Booked(section.model_dump(mode="json"), budget.take())

    def _settle(self, booked: Booked | None, shared: SharedAccount | None) -> None:
        """Continue from the shared account, or keep what was booked for the next report."""
        budget = self._desk.accounts.budget
        if budget is None or booked is None:
            return
        if shared is None:
            budget.untake(booked.account)
        else:
            budget.adopt(shared.account, shared.sharers)
            spend = self._spend.mean(shared.account)
            if spend is not None and budget.target:
                self._metrics.spend_ratio.set(spend / budget.target)
        self._metrics.cost_lambda.set(budget.cost_lambda)

    def _export_demand(self, demand: Mapping[str, PoolDemand]) -> None:
        for pool, one in demand.items():
            self._metrics.ongoing.set(self._desk.ledger.demand.ongoing[pool], tags={"pool": pool})
            self._metrics.held.set(one.held, tags={"pool": pool})
