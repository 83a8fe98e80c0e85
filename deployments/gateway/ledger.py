"""What a gateway replica counts for a request: demand for the autoscaler, totals for the live page, metrics."""

from __future__ import annotations

from cluster.spec import FleetSpec
from cluster.usage import Usage
from deployments.board.records import Totals
from deployments.gateway.counts import AnswerCounts
from deployments.gateway.demand import GatewayDemand
from deployments.metrics.gateway import GatewayMetrics
from router.explain import mode
from router.types import RoutingDecision, RoutingRequest


class Ledger:
    """The counts of one gateway replica."""

    def __init__(self, spec: FleetSpec, metrics: GatewayMetrics, before: Ledger | None = None) -> None:
        """Go on with the counts that there were `before`, under an earlier spec."""
        self.spec = spec
        self.metrics = metrics
        self.demand: GatewayDemand = before.demand if before else GatewayDemand()
        self.totals: Totals = before.totals if before else Totals()
        """Totals of this gateway replica since it started."""
        self.answers = AnswerCounts(spec.scaling, metrics)

    def decided(self, request: RoutingRequest, decision: RoutingDecision) -> None:
        """Count a decision."""
        if request.generates:
            self.totals.decided(decision.pool)
        pool = {"pool": decision.pool}
        self.metrics.decisions.inc(tags=pool | {"mode": mode(request)})
        self.metrics.score.observe(decision.score, tags=pool)
        if decision.spilled_from is not None:
            self.metrics.spills.inc(tags={"from": decision.spilled_from, "to": decision.pool})
        if decision.woken is not None:
            self.metrics.wakes.inc(tags={"pool": decision.woken})
        if decision.prediction is not None and decision.prediction.fallback:
            self.metrics.fallbacks.inc()
        if (chosen := decision.appraisals.get(decision.pool)) is not None:
            self.metrics.quality.observe(chosen.quality, tags=pool)
            self.metrics.predicted_cost.inc(chosen.cost, tags=pool)

    def sent(self, request: RoutingRequest, decision: RoutingDecision, pool: str) -> None:
        """Count a request that is sent to a pool.

        It is demand for the pools that the decision names, or for the pool that is asked instead.
        """
        if not request.generates:
            return
        for demanded in decision.demanded if pool == decision.pool else (pool,):
            self.demand.arrived(demanded, request.prompt_tokens)
        self.demand.taken(pool)

    def consumed(self, pool: str, client: str | None, usage: Usage, cost: float, *, late: bool) -> None:
        """Count a pool's tokens for a client, whether the client saw them or not.

        Args:
            cost: cost of the tokens, in the prices' currency.
            late: whether the answer is an SLO miss, from `autoscaling.lateness.is_late`.
        """
        self.totals.cost += cost
        self.answers.consumed(pool, client, usage, cost)
        if usage.completion_tokens:
            self.demand.answered(pool, usage.completion_tokens, late=late)

    def answered(self, pool: str, usage: Usage, always_large_cost: float) -> None:
        """Count an answer that a client received as a whole.

        Args:
            always_large_cost: cost of its tokens at the price of the large tier, in the prices' currency.
        """
        self.metrics.always_large_cost.inc(always_large_cost, tags={"pool": pool})
        if usage.prompt_tokens or usage.completion_tokens:
            self.totals.answered(pool)
            self.totals.always_large_cost += always_large_cost
