"""Where simulated requests are routed: the gateway's own desk, made quick enough for millions of requests.

Not simulated: conversations that stay in their pool, escalation, shadow traffic.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

from cluster.load import predicted_wait_s
from cluster.state import FleetState, PoolState, ReplicaState
from router.desk import Desk
from router.quality import QualityModel
from router.types import CalibrationSample, Contributions, Prediction, RoutingRequest


class KnownQuality:
    """A quality model that predicts each distinct query once. What it reads of a request is its text and its like, not
    the prompt's length, which the trace says."""

    def __init__(self, model: QualityModel) -> None:
        self._model = model
        self._known: dict[tuple[object, ...], Prediction] = {}

    @property
    def calibration(self) -> CalibrationSample | None:
        """See QualityModel.calibration."""
        return self._model.calibration

    def predict(self, request: RoutingRequest) -> Prediction:
        """See QualityModel.predict."""
        key = (request.text, request.system, request.turns, request.tools)
        known = self._known.get(key)
        if known is None:
            known = self._known[key] = self._model.predict(replace(request, max_tokens=None))
        return known

    def because(self, request: RoutingRequest) -> Contributions:
        """See QualityModel.because."""
        return self._model.because(request)


class SimulatedDesk(Desk):
    """The gateway's desk, which reads a digest of the simulated fleet."""

    def see(self, fleet: FleetState | None) -> None:
        """See Desk.see."""
        super().see(fleet)
        if fleet is not None:
            self.fleet = digest(fleet, self.traffic.state(None).tokens_per_s)


def digest(fleet: FleetState, tokens_per_s: Mapping[str, float]) -> FleetState:
    """A fleet of one replica a pool on which the router decides as on the whole, all reports being fresh.

    Of a pool the router reads the least predicted wait and the mean of the ongoing requests. Both are the same for all
    requests between two snapshots, and reading hundreds of replicas for each request would take most of the time. The
    mean is rounded to whole requests: it only tells apart pools that are equally good and cost the same.
    """
    return {name: PoolState(name, (_one(pool, tokens_per_s),)) for name, pool in fleet.items() if pool.replicas}


def _one(pool: PoolState, tokens_per_s: Mapping[str, float]) -> ReplicaState:
    """The replica with the least wait, as busy as all are on average."""
    best, least = pool.replicas[0], math.inf
    for each in pool.replicas:
        wait_s = predicted_wait_s(each, tokens_per_s.get(each.replica_id, 0.0), 1.0)
        if wait_s < least:
            best, least = each, wait_s
    ongoing = round(sum(each.ongoing for each in pool.replicas) / len(pool.replicas))
    return replace(best, running=ongoing - best.waiting)
