"""The response headers that show the decision and its reasons."""

from __future__ import annotations

from collections.abc import Sequence

from cluster.spec import FleetSpec
from router.types import RoutingDecision


def route_headers(spec: FleetSpec, decision: RoutingDecision, pool: str, reasons: Sequence[str] = ()) -> dict[str, str]:
    """Return the headers of an answer.

    Args:
        pool: the pool that answers; it differs from `decision.pool` after a retry or an escalation.
        reasons: what happened after the decision.
    """
    headers = {
        "x-signalbox-pool": pool,
        "x-signalbox-tier": spec.pools[pool].tier,
        "x-signalbox-score": f"{decision.score:.3f}",
        "x-signalbox-reason": "; ".join((*reasons, *decision.reasons)),
    }
    if appraisal := decision.appraisals.get(pool):
        headers |= {
            "x-signalbox-quality": f"{appraisal.quality:.3f}",
            "x-signalbox-cost": f"{appraisal.cost:.4g}",
            "x-signalbox-lambda": f"{decision.cost_lambda:.4g}",
        }
    return headers
