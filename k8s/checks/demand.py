"""The demand of a pool's replica, in the messages that Ray's control store sends to Ray's autoscaler."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass

from ray._raylet import IMPLICIT_RESOURCE_PREFIX  # type: ignore[attr-defined]
from ray.autoscaler.v2.utils import ResourceRequestUtil
from ray.core.generated.autoscaler_pb2 import (  # type: ignore[attr-defined]
    GangResourceRequest,
    ResourceRequest,
    ResourceRequestByCount,
)
from ray.core.generated.common_pb2 import LabelSelectorOperator  # type: ignore[attr-defined]

from cluster.spec import FleetSpec
from deployments.placement import actor_options, placement_options

Constraint = ResourceRequestUtil.PlacementConstraintType
CONSTRAINTS = {"STRICT_SPREAD": Constraint.ANTI_AFFINITY, "STRICT_PACK": Constraint.AFFINITY}
"""Constraint of each placement strategy. PACK and SPREAD are only preferences, which no launch depends on
(Ray's src/ray/gcs/gcs_server/gcs_autoscaler_state_manager.cc)."""


@dataclass(frozen=True)
class Demand:
    """The demand of one replica: a placement group or a single actor."""

    gang: GangResourceRequest | None
    single: ResourceRequestByCount | None
    description: str
    one_node: dict[str, float]
    """Resources that at least one node must provide."""
    nodes: int
    """Minimum number of nodes, as far as the strategy determines it."""


def demand_of(spec: FleetSpec, pool: str, replica: int = 0) -> Demand | None:
    """The demand of one replica of a pool; None for a pool without devices."""
    if not spec.pools[pool].devices:
        return None
    return _group(spec, pool, replica) if placement_options(spec, pool) else _actor(spec, pool)


def demand_of_actor(name: str, cpus: float, labels: dict[str, str], per_node: int | None) -> Demand:
    """The demand of one replica of a deployment without devices.

    Args:
        name: the deployment.
        cpus: its share of a node's CPUs.
        labels: labels of the nodes that it may use.
        per_node: most of its replicas on one node; None is any number.
    """
    resources = {"CPU": cpus}
    if per_node:  # Serve's own way (ray/serve/_private/deployment_scheduler.py)
        resources[f"{IMPLICIT_RESOURCE_PREFIX}{name}"] = 1 / per_node
    return _single(resources, labels)


def _group(spec: FleetSpec, pool: str, replica: int) -> Demand:
    options = placement_options(spec, pool)
    bundles, strategy = options["placement_group_bundles"], options["placement_group_strategy"]
    constraint = [(CONSTRAINTS[strategy], f"_PG_{pool}_{replica}", "")] if strategy in CONSTRAINTS else None
    gang = GangResourceRequest()
    for bundle, labels in zip(bundles, options["placement_group_bundle_label_selector"], strict=True):
        gang.requests.append(_request(bundle, labels, constraint))
    packed = strategy == "STRICT_PACK"
    total = Counter[str]()
    for bundle in bundles if packed else bundles[:1]:
        total.update(bundle)
    description = f"{len(bundles)} x {_describe(bundles[0])} ({strategy})"
    return Demand(gang, None, description, dict(total), len(bundles) if strategy == "STRICT_SPREAD" else 1)


def _actor(spec: FleetSpec, pool: str) -> Demand:
    options = actor_options(spec, pool)
    amounts = {"CPU": options["num_cpus"], "GPU": options["num_gpus"], **options["resources"]}
    resources = {name: float(amount) for name, amount in amounts.items() if amount}
    return _single(resources, options["label_selector"])


def _single(resources: dict[str, float], labels: dict[str, str]) -> Demand:
    request = _request(resources, labels, None)
    return Demand(None, ResourceRequestByCount(request=request, count=1), _describe(resources), resources, 1)


def _request(
    resources: dict[str, float], labels: dict[str, str], constraints: list[tuple[Constraint, str, str]] | None
) -> ResourceRequest:
    selector = [(key, LabelSelectorOperator.LABEL_OPERATOR_IN, [value]) for key, value in labels.items()]
    return ResourceRequestUtil.make(resources, constraints, [selector])


def _describe(resources: dict[str, float]) -> str:
    return "{" + ", ".join(f"{name}: {amount:g}" for name, amount in resources.items()) + "}"
