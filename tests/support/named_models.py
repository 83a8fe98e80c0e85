"""Fleets of simulated pools whose models have given names."""

from __future__ import annotations

from typing import Any

from cluster.pool import TIERS
from cluster.spec import FleetSpec

UNKNOWN = {tier: (f"org/{tier}",) for tier in TIERS}


def fleet(models: dict[str, tuple[str, ...]] = UNKNOWN, **routing: Any) -> FleetSpec:
    """One pool for each model, by tier; `routing` is the spec's section."""
    pools = {
        f"{tier}-{number}": {"tier": tier, "model": model, "engine": {"kind": "simulated"}}
        for tier, names in models.items()
        for number, model in enumerate(names)
    }
    return FleetSpec.model_validate({"pools": pools, "routing": routing})
