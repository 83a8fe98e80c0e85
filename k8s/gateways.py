"""Where gateways run: in pods that have no devices, one in each, never on the head.

The head may be lost while workers serve, and a gateway on a GPU node would hold that node or leave with it.
"""

from __future__ import annotations

import math

from cluster.pool import ReplicasSpec
from cluster.spec import FleetSpec

GATEWAY_GROUP = "gateways"
"""Name of the worker group for gateways."""
USUAL = ReplicasSpec(min=2, max=2)
"""Gateways of a fleet whose spec has no number of them: one may be lost."""


def with_usual_gateways(spec: FleetSpec) -> FleetSpec:
    """The spec with two gateways, if it has no number of them."""
    if "replicas" in spec.gateway.model_fields_set:
        return spec
    return spec.model_copy(update={"gateway": spec.gateway.model_copy(update={"replicas": USUAL})})


def gateway_nodes(spec: FleetSpec) -> tuple[int, int]:
    """Fewest and most pods of the gateways' group.

    An update starts new gateways before it stops old ones (`max_surge_percent`, at least one), and a node has one
    gateway, so the group may have that many pods more.
    """
    bounds, surge = spec.gateway.replicas, spec.kubernetes.upgrade.replica_surge_percent
    extra = max(1, math.ceil(bounds.max * surge / 100)) if surge else 0
    return bounds.min, bounds.max + extra
