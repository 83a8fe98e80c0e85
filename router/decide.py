"""The decision: filter pools, score the query, pick the tier's least loaded pool, and say why."""

from __future__ import annotations

import math
from collections.abc import Sequence

from cluster.pool import TIERS
from cluster.spec import FleetSpec
from cluster.state import FleetState
from router.complexity import Complexity, RuleComplexity
from router.features import features
from router.filters import FILTERS, WISHES
from router.types import NoPool, RoutingDecision, RoutingRequest

PROBLEMS = {
    # the filter that decided: HTTP status, error code, field; the first of these that blocked any pool decides
    "unready": (503, "no_ready_pool", None),
    "context": (400, "context_length_exceeded", "messages"),
    "capability": (400, "unsupported_capability", None),
}


class Router:
    """Routes requests for one spec. Deterministic: equal requests and states give equal decisions."""

    def __init__(self, spec: FleetSpec, complexity: Complexity | None = None) -> None:
        self.spec = spec
        self.complexity = complexity or RuleComplexity()
        self.names = names(spec)

    def decide(self, request: RoutingRequest, state: FleetState | None, now_s: float) -> RoutingDecision:
        """The pool for a request.

        Args:
            state: the newest snapshot of the fleet; None when there is none: load is then ignored.
            now_s: Unix time of the decision, to tell fresh reports from stale ones.

        Raises:
            NoPool: the model name is unknown, or no pool may answer.
        """
        candidates = self._named(request)
        score, made = self.complexity.score(features(request))
        skipped, blocking = self._filter(request, candidates, state)
        eligible = [pool for pool in candidates if pool not in skipped]
        if not eligible:
            raise self._no_pool(request, skipped, blocking)
        wanted = self._tier(score) if request.model == "auto" else self.spec.pools[candidates[0]].tier
        order = sorted(eligible, key=lambda pool: self._preference(pool, wanted, state, now_s))
        chosen = order[0]
        return RoutingDecision(
            pool=chosen,
            tier=self.spec.pools[chosen].tier,
            score=score,
            reasons=self._reasons(request, score, made, wanted, chosen, skipped),
            skipped=skipped,
            alternatives=tuple(order[1:]),
        )

    def _named(self, request: RoutingRequest) -> tuple[str, ...]:
        if request.model not in self.names:
            known = ", ".join(self.names)
            raise NoPool(404, "model_not_found", f"There is no model '{request.model[:200]}': write one of {known}.")
        return self.names[request.model]

    def _filter(
        self, request: RoutingRequest, candidates: Sequence[str], state: FleetState | None
    ) -> tuple[dict[str, str], list[str]]:
        """Skipped pools with their reason, and the filters that skipped them."""
        skipped: dict[str, str] = {}
        blocking: list[str] = []
        for pool in candidates:
            for name, check in FILTERS.items():
                reason = check(request, pool, self.spec.pools[pool], state)
                if reason is not None:
                    skipped[pool] = reason
                    blocking.append(name)
                    break
        for check in WISHES.values():
            left = [pool for pool in candidates if pool not in skipped]
            unfit = {pool: reason for pool in left if (reason := check(request, pool, self.spec.pools[pool], state))}
            if len(unfit) < len(left):
                skipped |= unfit
        return skipped, blocking

    def _no_pool(self, request: RoutingRequest, skipped: dict[str, str], blocking: list[str]) -> NoPool:
        """The error of the filter that could still be mended: waiting beats rewriting the request."""
        decisive = next(name for name in PROBLEMS if name in blocking)
        status, code, param = PROBLEMS[decisive]
        why = "; ".join(f"{pool}: {reason}" for pool, reason in skipped.items())
        advice = "retry soon" if status == 503 else "change the request or name another model"
        return NoPool(status, code, f"No pool can answer '{request.model}' ({why}): {advice}.", param)

    def _tier(self, score: float) -> str:
        routing = self.spec.routing
        if score >= routing.large_from_score:
            return "large"
        return "moe" if score >= routing.moe_from_score else "small"

    def _bounds(self, tier: str) -> str:
        """Where a score of this tier lies, in words."""
        low, high = self.spec.routing.moe_from_score, self.spec.routing.large_from_score
        words = {"small": f"below {low:g}", "moe": f"from {low:g} to {high:g}", "large": f"at least {high:g}"}
        return words[tier]

    def _preference(self, pool: str, wanted: str, state: FleetState | None, now_s: float) -> tuple[int, float]:
        """Sort key: the wanted tier, then higher tiers upwards, then lower ones downwards; within a tier by load."""
        distance = TIERS.index(self.spec.pools[pool].tier) - TIERS.index(wanted)
        return (distance if distance >= 0 else len(TIERS) - distance, _load(pool, state, now_s))

    def _reasons(
        self,
        request: RoutingRequest,
        score: float,
        made: tuple[tuple[str, float], ...],
        wanted: str,
        chosen: str,
        skipped: dict[str, str],
    ) -> tuple[str, ...]:
        tier = self.spec.pools[chosen].tier
        if request.model != "auto":
            reasons = [f"the request names {request.model}"]
        else:
            because = ", ".join(name for name, _ in made[:2]) or "short and plain"
            reasons = [f"complexity {score:.2f} ({because}) is {self._bounds(wanted)}: tier {wanted}"]
        reasons += [f"{pool} skipped: {reason}" for pool, reason in skipped.items()]
        if tier != wanted:
            reasons.append(f"next tier that can answer: {tier}")
        return tuple(reasons)


def names(spec: FleetSpec) -> dict[str, tuple[str, ...]]:
    """Every name a request may put into `model`, with the pools it stands for. A pool's name beats a tier's."""
    known: dict[str, tuple[str, ...]] = {"auto": tuple(spec.pools)}
    for tier in TIERS:
        if pools := tuple(name for name, pool in spec.pools.items() if pool.tier == tier):
            known[tier] = pools
    for name, pool in spec.pools.items():
        known |= dict.fromkeys((pool.public_name, *pool.aliases, *pool.adapters, name), (name,))
    return known


def _load(pool: str, state: FleetState | None, now_s: float) -> float:
    """Ongoing requests per ready replica; a stale report counts as very busy, a pool yet to be started as busiest."""
    if state is None:
        return 0.0
    if pool not in state or not state[pool].replicas:
        return math.inf
    replicas = state[pool].replicas
    return sum(r.ongoing if r.is_fresh(now_s) else 1_000 for r in replicas) / len(replicas)
