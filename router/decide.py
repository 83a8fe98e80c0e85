"""The decision: filter pools, appraise them, choose the best that load allows, and give the reasons."""

from __future__ import annotations

from collections.abc import Sequence

from cluster.spec import FleetSpec
from cluster.state import FleetState
from cluster.wish import AUTO, is_auto
from router.choice import PoolChoice, choose
from router.complexity import RuleComplexity
from router.costs import Costs
from router.eligible import eligible
from router.features import features
from router.filters import is_at_zero
from router.loads import ongoing_per_replica
from router.model_names import model_names
from router.quality import QualityModel, RuleQuality
from router.reasons import reasons, skips
from router.types import NoPool, RoutingDecision, RoutingRequest, RoutingState
from router.weighing import Weighing

NOTHING_LEARNED = RoutingState()


class Router:
    """Routes requests for one spec. Deterministic: equal requests and states give equal decisions."""

    def __init__(self, spec: FleetSpec, model: QualityModel | None = None) -> None:
        self.spec = spec
        self.model = model or RuleQuality()
        self.names = model_names(spec)
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
            fleet: the newest snapshot of the fleet; None without a board: load is then ignored.
            now_s: Unix time of the decision, to tell fresh reports from stale ones.
            state: what the gateway has learned from its traffic.

        Raises:
            NoPool: the model name is unknown, or no pool may answer.
        """
        pools, skipped = eligible(self.spec, request, self._named(request), fleet)
        loads = {pool: ongoing_per_replica(pool, fleet, now_s) for pool in pools}
        if not is_auto(request.model):
            return self._pinned(request, sorted(pools, key=loads.__getitem__), skipped)
        weighing = Weighing(
            request=request,
            prediction=self.model.predict(request),
            spec=self.spec,
            costs=self.costs,
            pools=pools,
            fleet=fleet,
            now_s=now_s,
            state=state,
        )
        at_zero = [pool for pool in pools if is_at_zero(pool, self.spec.pools[pool], fleet)]
        return self._decision(choose(weighing, loads, at_zero, skipped))

    def _decision(self, choice: PoolChoice) -> RoutingDecision:
        """A choice with its reasons."""
        pool, ranking, weighing = choice.pool, choice.ranking, choice.weighing
        return RoutingDecision(
            pool=pool,
            tier=self.spec.pools[pool].tier,
            score=1 - weighing.prediction.quality["small"],
            reasons=reasons(choice),
            skipped=choice.skipped,
            alternatives=tuple(other for other in (*ranking.fitting, *ranking.others) if other != pool),
            appraisals=choice.appraisals,
            prediction=weighing.prediction,
            cost_lambda=weighing.cost_lambda,
            spilled_from=choice.best if choice.spilled_to else None,
            woken=choice.woken,
        )

    def _named(self, request: RoutingRequest) -> tuple[str, ...]:
        name = AUTO if is_auto(request.model) else request.model
        if name not in self.names:
            known = ", ".join(self.names)
            message = f"There is no model '{request.model[:200]}': use one of {known}."
            raise NoPool("unknown_model", message, "model")
        return self.names[name]

    def _pinned(self, request: RoutingRequest, order: Sequence[str], skipped: dict[str, str]) -> RoutingDecision:
        """The client chose; of several pools of a tier the least loaded one answers."""
        score, _ = RuleComplexity().score(features(request))
        return RoutingDecision(
            pool=order[0],
            tier=self.spec.pools[order[0]].tier,
            score=score,
            reasons=(f"the request names {request.model}", *skips(skipped)),
            skipped=skipped,
            alternatives=tuple(order[1:]),
        )
