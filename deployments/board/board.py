"""The fleet board: one named actor that knows what every replica last said about itself.

Replicas push, gateways pull in the background; nobody waits for it on a request's way. It may die at any time: routing
then goes on and ignores load, and the next push brings a new board up.

It also keeps what gateway replicas share: the artifact in use (on disk) and recently answered requests (in memory).
"""

from __future__ import annotations

import logging
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from cluster.state import ReplicaState
from deployments.board.artifacts import ArtifactStore
from deployments.board.budget import BudgetStore
from deployments.board.recent_requests import RecentRequests
from deployments.board.records import Decided, Limits, PoolDemand, Recent, Totals
from deployments.board.scaling import ScalingBoard
from deployments.board.totals import TotalsBoard
from router.budget.controller import Account

LISTEN_FIRST_S = 3.0
"""A board that has just (re)started knows nothing: silence then does not mean that nobody is there."""
REPLICA_GONE_AFTER_S = 15.0
"""A replica that said nothing for so long is gone from the board."""

log = logging.getLogger("signalbox.board")


class FleetBoard:
    """The newest report of every replica, and what gateways share."""

    def __init__(self, folder: Path) -> None:
        self._born_s = time.time()
        self._reports: dict[str, tuple[float, ReplicaState]] = {}
        self._artifacts = ArtifactStore(folder / "router")
        self._budget = BudgetStore(folder)
        self._recent: RecentRequests | None = None
        self._scaling = ScalingBoard()
        self._totals = TotalsBoard()

    # -- replicas --------------------------------------------------------------------------------------------

    def report(self, state: ReplicaState) -> None:
        """Replace a replica's report."""
        self._reports[state.replica_id] = (time.time(), state)

    def leave(self, replica_id: str) -> None:
        """Forget a replica that stops."""
        self._reports.pop(replica_id, None)

    def snapshot(self) -> list[ReplicaState] | None:
        """Reports of all replicas that still speak; None from a new board that has not heard everybody yet."""
        if time.time() - self._born_s < LISTEN_FIRST_S:
            return None
        oldest = time.time() - REPLICA_GONE_AFTER_S
        self._reports = {key: entry for key, entry in self._reports.items() if entry[0] >= oldest}
        return [state for _, state in self._reports.values()]

    # -- scaling ---------------------------------------------------------------------------------------------

    def demand(self, gateway: str, demand: Mapping[str, PoolDemand]) -> dict[str, Decided]:
        """Take in a gateway replica's demand; give it the newest decisions by pool."""
        self._scaling.demand_of(gateway, demand, time.time())
        return self._scaling.current

    def exchange_scaling(self, decisions: Sequence[Decided]) -> tuple[list[ReplicaState] | None, dict[str, PoolDemand]]:
        """Take in the policy's decisions; give it the newest reports (as `snapshot`) and the demand."""
        self._scaling.decided(decisions)
        return self.snapshot(), self._scaling.demand(time.time())

    def scaling(self, newest: int) -> dict[str, Any]:
        """As ScalingBoard.view."""
        return self._scaling.view(newest)

    # -- the artifact in use ---------------------------------------------------------------------------------

    def artifact_state(self) -> dict[str, Any]:
        """As ArtifactStore.state."""
        return self._artifacts.state()

    def artifact(self, version: str) -> bytes | None:
        """As ArtifactStore.read."""
        return self._artifacts.read(version)

    def use_artifact(self, data: bytes) -> bool:
        """As ArtifactStore.use; True when it is stored."""
        self._artifacts.use(data, time.time())
        return True

    def roll_back_artifact(self) -> bool:
        """As ArtifactStore.roll_back."""
        return self._artifacts.roll_back(time.time())

    # -- the budget's account --------------------------------------------------------------------------------

    def settle_budget(self, gateway: str, budget: dict[str, Any], booked: Account) -> tuple[Account, int]:
        """As BudgetStore.settle."""
        return self._budget.settle(gateway, budget, booked, time.time())

    # -- what was routed and spent ---------------------------------------------------------------------------

    def exchange_totals(self, gateway: str, totals: Totals) -> Totals:
        """As TotalsBoard.exchange."""
        return self._totals.exchange(gateway, totals)

    # -- answered requests, for feedback that arrives at another gateway -------------------------------------

    def remember(self, limits: Limits, entries: Sequence[Recent]) -> None:
        """As RecentRequests.remember."""
        self._recent = self._recent or RecentRequests(limits)
        self._recent.remember(entries)

    def recall(self, request_id: str) -> Recent | None:
        """As RecentRequests.find."""
        return self._recent.find(request_id) if self._recent else None
