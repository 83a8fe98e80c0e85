"""A decision as JSON-ready data: `POST /v1/route` returns it and `signalbox route` shows it."""

from __future__ import annotations

import math
from collections.abc import Collection
from typing import Any

from cluster.wish import is_auto
from router.decide import Router
from router.types import Contributions, Prediction, RoutingDecision, RoutingRequest


def mode(request: RoutingRequest) -> str:
    """Return how the pool is chosen: `pinned` (by name), `auto`, `cheap` or `best`."""
    return request.wish.mode or "auto" if is_auto(request.model) else "pinned"


def explained(router: Router, request: RoutingRequest, decision: RoutingDecision) -> dict[str, Any]:
    """Return the whole decision; numbers that are infinite or unknown become null."""
    because = router.model.because(request) if decision.prediction else ()
    tiers = {name: pool.tier for name, pool in router.spec.pools.items()}
    pools = {
        name: {"tier": tiers[name], **{field: _number(value) for field, value in vars(appraisal).items()}}
        for name, appraisal in decision.appraisals.items()
    }
    return {
        "object": "routing.decision",
        "pool": decision.pool,
        "tier": decision.tier,
        "mode": mode(request),
        "wish": vars(request.wish),
        "score": decision.score,
        "cost_lambda": decision.cost_lambda,
        "reasons": list(decision.reasons),
        "prediction": _prediction(decision.prediction, because, set(tiers.values())),
        "pools": pools,
        "skipped": dict(decision.skipped),
        "alternatives": list(decision.alternatives),
        "spilled_from": decision.spilled_from,
        "woken": decision.woken,
        "last_pool": request.last_pool,
        "prompt_tokens": request.prompt_tokens,
    }


def _prediction(prediction: Prediction | None, because: Contributions, tiers: Collection[str]) -> dict[str, Any] | None:
    """The prediction for the tiers that the fleet has."""
    if prediction is None:
        return None
    return {
        "quality": {tier: value for tier, value in prediction.quality.items() if tier in tiers},
        "output_tokens": {tier: count for tier, count in prediction.output_tokens.items() if tier in tiers},
        "features": [{"name": name, "gain": gain} for name, gain in because],
        "fallback": prediction.fallback,
    }


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None
