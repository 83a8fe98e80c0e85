"""Find the pools that may answer a request, among those that it names; raise the right error if there is none."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from cluster.spec import FleetSpec
from cluster.state import FleetState
from router.filters import FILTERS, PREFERENCES
from router.types import NoPool, NoPoolKind, RoutingRequest

DECISIVE: dict[NoPoolKind, str | None] = {"unready": None, "context": "messages", "capability": None}
"""Filters in the order of precedence, with the field that the client could change. The first filter that blocked any
pool determines the error, because waiting is easier than rewriting the request."""


def eligible(
    spec: FleetSpec, request: RoutingRequest, candidates: Sequence[str], fleet: FleetState | None
) -> tuple[list[str], dict[str, str]]:
    """Return the pools that may answer, and the reason why each other pool may not.

    Raises:
        NoPool: no pool may answer.
    """
    skipped: dict[str, str] = {}
    blocking: list[str] = []
    for pool in candidates:
        for name, check in FILTERS.items():
            if reason := check(request, pool, spec.pools[pool], fleet):
                skipped[pool] = reason
                blocking.append(name)
                break
    left = [pool for pool in candidates if pool not in skipped]
    if not left:
        raise _no_pool(request, skipped, blocking)
    for check in PREFERENCES.values():
        unfit = {pool: reason for pool in left if (reason := check(request, pool, spec.pools[pool], fleet))}
        if len(unfit) < len(left):
            skipped |= unfit
            left = [pool for pool in left if pool not in unfit]
    return left, skipped


def _no_pool(request: RoutingRequest, skipped: dict[str, str], blocking: Iterable[str]) -> NoPool:
    """Return the error of the decisive filter."""
    kind = next(name for name in DECISIVE if name in blocking)
    why = "; ".join(f"{pool}: {reason}" for pool, reason in skipped.items())
    advice = "retry soon" if kind == "unready" else "change the request or name another model"
    return NoPool(kind, f"No pool can answer '{request.model[:200]}' ({why}): {advice}.", DECISIVE[kind])
