"""What the board keeps for scaling: demand from the gateways, decisions from the policy."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from itertools import islice

from autoscaling.types import PoolDemand
from deployments.board.messages import ScalingLog
from deployments.board.periods import GATEWAY_GONE_AFTER_S
from deployments.board.records import Decided, merge_demand

LOG_LENGTH = 500
"""Entries of the log; the oldest are dropped."""


class ScalingBoard:
    """Demand and decisions, in memory: both are reported again within a second."""

    def __init__(self) -> None:
        self._demands: dict[str, tuple[float, Mapping[str, PoolDemand]]] = {}
        self.current: dict[str, Decided] = {}
        """Newest decisions by pool."""
        self._log: deque[Decided] = deque(maxlen=LOG_LENGTH)

    def demand_of(self, gateway: str, demand: Mapping[str, PoolDemand], now_s: float) -> None:
        """Replace a gateway replica's demand."""
        self._demands[gateway] = (now_s, demand)

    def demand(self, now_s: float) -> dict[str, PoolDemand]:
        """Demand of all gateway replicas that still report, by pool."""
        oldest = now_s - GATEWAY_GONE_AFTER_S
        self._demands = {name: entry for name, entry in self._demands.items() if entry[0] >= oldest}
        return merge_demand(demand for _, demand in self._demands.values())

    def decided(self, decisions: Sequence[Decided]) -> None:
        """Take in the newest decisions; those that change a size or meet a new problem go into the log."""
        for one in decisions:
            before = self.current.get(one.pool)
            is_known = before is not None and (before.desired, before.problem) == (one.desired, one.problem)
            if not is_known and (one.desired != one.target or one.problem):
                self._log.append(one)
            self.current[one.pool] = one

    def log(self, newest: int = LOG_LENGTH) -> ScalingLog:
        """Newest decisions by pool, and the `newest` entries of the log."""
        return ScalingLog(dict(sorted(self.current.items())), list(islice(reversed(self._log), newest)))
