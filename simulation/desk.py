"""Where simulated requests are routed: the real router, told what a gateway tells it.

Not played: conversations that stay in their pool, escalation, shadow traffic.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from cluster.load import predicted_wait_s
from cluster.spec import FleetSpec
from cluster.state import FleetState, PoolState, ReplicaState
from cluster.wish import is_auto, parse_wish
from router.budget.controller import BudgetController
from router.decide import Router
from router.quality import QualityModel
from router.traffic import Traffic
from router.types import CalibrationSample, Contributions, NoPool, Prediction, RoutingDecision, RoutingRequest


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


class Desk:
    """Decides for one run. Times are Unix seconds."""

    def __init__(self, spec: FleetSpec, model: KnownQuality) -> None:
        self._router = Router(spec, model)
        self._pools = list(spec.pools)
        self._wish = parse_wish(spec.routing.default)
        self._traffic = Traffic()
        self._fleet: FleetState | None = None
        self._budget: BudgetController | None = None
        if spec.routing.budget is not None:
            is_large = [pool.tier == "large" for pool in spec.pools.values()]
            offers = self._router.costs.offers(model.calibration) if model.calibration is not None else None
            self._budget = BudgetController(spec.routing.budget, is_large, self._router.usual_lambda, offers)

    def see(self, fleet: FleetState) -> None:
        """Decide by a new snapshot from now on."""
        self._traffic.see(fleet)
        self._fleet = digest(fleet, self._traffic.state(None).tokens_per_s)

    def decide(
        self, query: RoutingRequest, prompt_tokens: int, max_tokens: int, now_s: float
    ) -> RoutingDecision | None:
        """Where a request goes; None where the router has no pool for it.

        Args:
            prompt_tokens: of the request, as the trace says.
            max_tokens: longest answer that clients ask for.
        """
        cost_lambda = self._budget.cost_lambda if self._budget else None
        ask = replace(query, prompt_tokens=prompt_tokens, max_tokens=max_tokens, wish=query.wish.over(self._wish))
        try:
            decision = self._router.decide(ask, self._fleet, now_s, self._traffic.state(cost_lambda))
        except NoPool:
            return None
        if is_auto(ask.model):
            self._traffic.decided(decision)
            self._charge(decision)
        return decision

    def answered(self, pool: str, answer_tokens: int) -> None:
        """Count an answer that was given."""
        self._traffic.answered(pool, answer_tokens)

    def _charge(self, decision: RoutingDecision) -> None:
        if self._budget is None:
            return
        quality, cost = np.full(len(self._pools), -np.inf), np.zeros(len(self._pools))
        for column, pool in enumerate(self._pools):
            if pool in decision.appraisals:
                quality[column], cost[column] = decision.appraisals[pool].quality, decision.appraisals[pool].cost
        self._budget.charge(quality, cost, self._pools.index(decision.pool))


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
