"""The decision: filter pools, appraise them, take the best that load allows, and say why."""

from __future__ import annotations

from collections.abc import Sequence

from cluster.spec import FleetSpec
from cluster.state import FleetState
from cluster.wish import AUTO, is_auto
from router.choice import awake, rank, spill
from router.complexity import RuleComplexity
from router.costs import Costs
from router.eligible import eligible
from router.features import features
from router.filters import asleep
from router.loads import ongoing_per_replica, pool_wait_s
from router.names import names
from router.quality import QualityModel, RuleQuality
from router.reasons import reasons
from router.types import Appraisal, NoPool, Prediction, RoutingDecision, RoutingRequest, RoutingState

NOTHING_LEARNED = RoutingState()


class Router:
    """Routes requests for one spec. Deterministic: equal requests and states give equal decisions."""

    def __init__(self, spec: FleetSpec, model: QualityModel | None = None) -> None:
        self.spec = spec
        self.model = model or RuleQuality()
        self.names = names(spec)
        self.costs = Costs(spec)
        self.usual_lambda = self.costs.usual_lambda(self.model.calibration)

    def decide(
        self,
        request: RoutingRequest,
        fleet: FleetState | None,
        now_s: float,
        state: RoutingState = NOTHING_LEARNED,
    ) -> RoutingDecision:
        """The pool for a request.

        Args:
            fleet: the newest snapshot of the fleet; None when there is none: load is then ignored.
            now_s: Unix time of the decision, to tell fresh reports from stale ones.
            state: what the gateway has learned of its traffic.

        Raises:
            NoPool: the model name is unknown, or no pool may answer.
        """
        pools, skipped = eligible(self.spec, request, self._named(request), fleet)
        loads = {pool: ongoing_per_replica(pool, fleet, now_s) for pool in pools}
        if not is_auto(request.model):
            return self._pinned(request, sorted(pools, key=loads.__getitem__), skipped)
        prediction = self.model.predict(request)
        cost_lambda = self.usual_lambda if state.cost_lambda is None else state.cost_lambda
        appraised = {
            pool: self._appraise(pool, request, prediction, cost_lambda, fleet, now_s, state) for pool in pools
        }
        sleeping = [pool for pool in pools if asleep(pool, self.spec.pools[pool], fleet)]
        appraisals, woken = awake(request.wish, appraised, loads, sleeping)
        skipped |= {pool: "scaled to zero" for pool in sleeping if pool not in appraisals}
        ranking = rank(request.wish, appraisals, loads)
        best = ranking.fitting[0]
        spilled_to = spill(ranking, appraisals, self.spec.routing, state.spill_share)
        chosen = spilled_to or best
        return RoutingDecision(
            pool=chosen,
            tier=self.spec.pools[chosen].tier,
            score=1 - prediction.quality["small"],
            reasons=reasons(
                request.wish,
                prediction,
                appraisals,
                ranking,
                skipped,
                cost_lambda,
                spilled_to,
                woken,
                self.costs.assumed,
            ),
            skipped=skipped,
            alternatives=tuple(pool for pool in (*ranking.fitting, *ranking.others) if pool != chosen),
            appraisals=appraisals,
            prediction=prediction,
            cost_lambda=cost_lambda,
            spilled_from=best if spilled_to else None,
            woken=woken,
        )

    def _named(self, request: RoutingRequest) -> tuple[str, ...]:
        name = AUTO if is_auto(request.model) else request.model
        if name not in self.names:
            known = ", ".join(self.names)
            message = f"There is no model '{request.model[:200]}': write one of {known}."
            raise NoPool("unknown_model", message, "model")
        return self.names[name]

    def _pinned(self, request: RoutingRequest, order: Sequence[str], skipped: dict[str, str]) -> RoutingDecision:
        """The client chose; among several pools of a tier the least loaded one answers."""
        score, _ = RuleComplexity().score(features(request))
        skips = (f"{pool} skipped: {reason}" for pool, reason in skipped.items())
        return RoutingDecision(
            pool=order[0],
            tier=self.spec.pools[order[0]].tier,
            score=score,
            reasons=(f"the request names {request.model}", *skips),
            skipped=skipped,
            alternatives=tuple(order[1:]),
        )

    def _appraise(
        self,
        pool: str,
        request: RoutingRequest,
        prediction: Prediction,
        cost_lambda: float,
        fleet: FleetState | None,
        now_s: float,
        state: RoutingState,
    ) -> Appraisal:
        """Quality, cost and wait of one pool for one request."""
        tier = self.spec.pools[pool].tier
        tokens = prediction.output_tokens[tier]
        cost = self.costs.of(pool, request.prompt_tokens, min(tokens, request.max_tokens or tokens))
        stays = self.spec.routing.switch_gain if pool == request.last_pool else 0.0
        return Appraisal(
            quality=prediction.quality[tier],
            cost=cost,
            wait_s=pool_wait_s(pool, fleet, now_s, state, tokens),
            utility=prediction.quality[tier] - cost_lambda * cost + stays,
        )
