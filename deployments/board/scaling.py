"""What the board keeps for scaling: demand from the gateways, decisions from the policy."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping, Sequence
from itertools import islice
from typing import Any

from deployments.board.records import GATEWAY_GONE_AFTER_S, Decided, PoolDemand, merge_demand

LOG_LENGTH = 500
"""Changes that are remembered, the oldest go first."""


class ScalingBoard:
    """Demand and decisions; all in memory, since both are said anew every second."""

    def __init__(self) -> None:
        self._demands: dict[str, tuple[float, Mapping[str, PoolDemand]]] = {}
        self.current: dict[str, Decided] = {}
        """Newest decisions by pool."""
        self._log: deque[Decided] = deque(maxlen=LOG_LENGTH)

    def demand_of(self, gateway: str, demand: Mapping[str, PoolDemand], now_s: float) -> None:
        """Replace what a gateway replica said."""
        self._demands[gateway] = (now_s, demand)

    def demand(self, now_s: float) -> dict[str, PoolDemand]:
        """Demand of all gateway replicas that still speak."""
        oldest = now_s - GATEWAY_GONE_AFTER_S
        self._demands = {name: said for name, said in self._demands.items() if said[0] >= oldest}
        return merge_demand(demand for _, demand in self._demands.values())

    def decided(self, decisions: Sequence[Decided]) -> None:
        """Take in the newest decisions; what changes something, or cannot, goes into the log."""
        for one in decisions:
            before = self.current.get(one.pool)
            told = before is not None and (before.desired, before.problem) == (one.desired, one.problem)
            if not told and (one.desired != one.target or one.problem):
                self._log.append(one)
            self.current[one.pool] = one

    def view(self, newest: int = LOG_LENGTH) -> dict[str, Any]:
        """Newest decisions by pool and the `newest` entries of the log, newest first, as JSON-ready data."""
        return {
            "pools": {name: vars(one) for name, one in sorted(self.current.items())},
            "log": [vars(one) for one in islice(reversed(self._log), newest)],
        }
