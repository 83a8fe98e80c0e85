"""The names that a request may put into `model`."""

from __future__ import annotations

from cluster.pool import TIERS
from cluster.spec import FleetSpec
from cluster.wish import AUTO


def model_names(spec: FleetSpec) -> dict[str, tuple[str, ...]]:
    """Every name, with the pools it stands for. A pool's name takes precedence over a tier's."""
    known: dict[str, tuple[str, ...]] = {AUTO: tuple(spec.pools)}
    for tier in TIERS:
        if pools := tuple(name for name, pool in spec.pools.items() if pool.tier == tier):
            known[tier] = pools
    for name, pool in spec.pools.items():
        known |= dict.fromkeys((pool.public_name, *pool.aliases, *pool.adapters, name), (name,))
    return known
