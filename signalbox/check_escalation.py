"""What `signalbox check` says about second opinions: coefficients that cannot be used, pools that cannot be judged."""

from __future__ import annotations

from collections.abc import Iterator

from cluster.pool import TIERS
from cluster.spec import FleetSpec
from deployments.confidence_file import load_confidence
from deployments.engines.base import JUDGEABLE_KINDS
from router.confidence.artifact import ConfidenceError


def escalation_problems(spec: FleetSpec) -> Iterator[str]:
    """What keeps gateways from starting."""
    try:
        load_confidence(spec.routing)
    except ConfidenceError as error:
        yield str(error)


def escalation_warnings(spec: FleetSpec) -> Iterator[str]:
    """What would silently not be judged."""
    rule = spec.routing.escalation
    if rule is None:
        return
    tiers = {pool.tier for pool in spec.pools.values()}
    if rule.kind == "agreement" and not {"small", "moe"} <= tiers:
        yield "routing.escalation.kind: agreement compares a small and a moe pool: without both nothing is compared"
    for name, pool in spec.pools.items():
        higher = TIERS[TIERS.index(pool.tier) + 1 :]
        if rule.kind == "agreement" or pool.tier not in rule.from_tiers or not tiers & set(higher):
            continue
        if pool.engine.kind not in JUDGEABLE_KINDS:
            yield f"pools.{name}: answers are never judged: engine {pool.engine.kind} reports no log-probabilities"
