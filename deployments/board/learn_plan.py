"""How a spec's fleet learns from its labels."""

from __future__ import annotations

from cluster.pool import TIERS
from cluster.spec import FleetSpec
from deployments.board.records import LearnPlan
from router.costs import USUAL_TOKENS, Costs

DAY_S = 86_400.0


def learn_plan(spec: FleetSpec) -> LearnPlan | None:
    """Return the plan; None for a fleet that does not learn from its traffic."""
    if spec.routing.learn is None:
        return None
    costs, by_tier = Costs(spec), {tier: [n for n, pool in spec.pools.items() if pool.tier == tier] for tier in TIERS}
    cheapest = {
        tier: min(costs.of(pool, USUAL_TOKENS, USUAL_TOKENS) for pool in pools)
        for tier, pools in by_tier.items()
        if pools
    }
    highest = max(cheapest.values())
    return LearnPlan(
        keep_labels=spec.routing.learn.keep_labels,
        keep_s=spec.routing.learn.keep_days * DAY_S,
        frozen=spec.routing.learn.frozen,
        cost_weight=spec.routing.cost_weight,
        prices={tier: cost / highest if highest else 0.0 for tier, cost in cheapest.items()},
    )
