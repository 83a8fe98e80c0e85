"""A decision as JSON-ready data: what `POST /v1/route` answers and `signalbox route` shows."""

from __future__ import annotations

import math
from typing import Any

from cluster.spec import FleetSpec
from cluster.wish import is_auto
from router.types import Prediction, RoutingDecision, RoutingRequest


def mode(request: RoutingRequest) -> str:
    """How the pool is found: `pinned` by name, `auto`, `cheap` or `best`."""
    return request.wish.mode or "auto" if is_auto(request.model) else "pinned"


def explained(spec: FleetSpec, request: RoutingRequest, decision: RoutingDecision) -> dict[str, Any]:
    """The whole decision; numbers that are infinite or unknown become null."""
    pools = {
        name: {"tier": spec.pools[name].tier, **{field: _number(value) for field, value in vars(appraisal).items()}}
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
        "prediction": _prediction(decision.prediction),
        "pools": pools,
        "skipped": dict(decision.skipped),
        "alternatives": list(decision.alternatives),
        "spilled_from": decision.spilled_from,
        "last_pool": request.last_pool,
        "prompt_tokens": request.prompt_tokens,
    }


def _prediction(prediction: Prediction | None) -> dict[str, Any] | None:
    if prediction is None:
        return None
    return {
        "quality": dict(prediction.quality),
        "output_tokens": dict(prediction.output_tokens),
        "features": [{"name": name, "gain": gain} for name, gain in prediction.because],
        "fallback": prediction.fallback,
    }


def _number(value: float) -> float | None:
    return value if math.isfinite(value) else None
