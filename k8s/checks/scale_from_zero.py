"""Checks that Ray's autoscaler would launch the right nodes for every pool, starting without workers.

The check runs Ray 2.60's own code: the reader of its KubeRay autoscaler, and autoscaler v2's scheduler. Their input is
the manifest, with the placement group or actor of each pool's replica (`deployments.placement`). On a real cluster, a
demand that no group can meet stays pending for ever, and only a log reports it.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from ray.autoscaler._private.kuberay.autoscaling_config import _derive_autoscaling_config_from_ray_cr
from ray.autoscaler.v2.instance_manager.config import AutoscalingConfig, NodeTypeConfig
from ray.autoscaler.v2.scheduler import ResourceDemandScheduler, SchedulingReply, SchedulingRequest
from ray.autoscaler.v2.schema import AutoscalerInstance
from ray.core.generated.instance_manager_pb2 import Instance, NodeKind  # type: ignore[attr-defined]

from cluster.spec import FleetSpec
from deployments.placement import HARDWARE_LABEL
from k8s.checks.demand import Demand, demand_of
from k8s.checks.finding import Finding
from k8s.checks.objects import Manifest, mapping, sequence
from k8s.checks.rendered import HEAD_GROUP, Rendered

CHECK = "scale from zero"
GROUP_DEFAULTS = {"minReplicas": 0, "maxReplicas": 2_147_483_647, "numOfHosts": 1}
"""Defaults that the API server fills in from the schema."""


@dataclass(frozen=True)
class Launch:
    """The autoscaler's reaction to a set of demands."""

    nodes: dict[str, int]
    """Launched pods, by group."""
    pending: bool
    """Whether a demand cannot be met."""


def check_scale_from_zero(rendered: Rendered) -> Iterator[Finding]:
    """Check each pool alone, all pools' minimum replicas together, and one replica of each empty pool with them."""
    for manifest in rendered.of_kind("RayService"):
        where = manifest.where("spec.rayClusterConfig.workerGroupSpecs")
        try:
            groups = node_types(manifest)
        except Exception as error:  # Ray's reader assumes a valid manifest and does not document its errors
            words = " ".join(str(error).split())[:300]
            yield Finding(CHECK, where, f"Ray's autoscaler cannot read the groups: {type(error).__name__} {words}")
            continue
        for problem in [*_alone(rendered.spec, groups), *_together(rendered.spec, groups)]:
            yield Finding(CHECK, where, problem)


def node_types(manifest: Manifest) -> dict[str, NodeTypeConfig]:
    """The groups of a RayService in the form of Ray's autoscaler.

    Raises:
        Exception: Ray cannot read them.
    """
    cluster = mapping(manifest.body, "spec", "rayClusterConfig")
    groups = [GROUP_DEFAULTS | mapping(group) for group in sequence(cluster, "workerGroupSpecs")]
    resource = {
        "metadata": {"name": manifest.name, "namespace": manifest.namespace or "default"},
        "spec": cluster | {"workerGroupSpecs": groups},
    }
    config = AutoscalingConfig(_derive_autoscaling_config_from_ray_cr(resource), skip_content_hash=True)
    groups_by_name: dict[str, NodeTypeConfig] = config.get_node_type_configs()
    return groups_by_name


def launched(groups: dict[str, NodeTypeConfig], demands: list[Demand]) -> Launch:
    """What Ray's scheduler launches if only the head runs."""
    from_zero = {
        name: NodeTypeConfig(
            name=name,
            min_worker_nodes=0,
            max_worker_nodes=group.max_worker_nodes,
            resources=group.resources,
            labels=group.labels,
        )
        for name, group in groups.items()
    }
    head = Instance(instance_id="head", instance_type=HEAD_GROUP, node_kind=NodeKind.HEAD)
    head.status = Instance.ALLOCATED
    reply: SchedulingReply = ResourceDemandScheduler().schedule(
        SchedulingRequest(
            disable_launch_config_check=True,
            node_type_configs=from_zero,
            max_num_nodes=sum(group.max_worker_nodes for group in groups.values()) + 1,
            resource_requests=[each.single for each in demands if each.single is not None],
            gang_resource_requests=[each.gang for each in demands if each.gang is not None],
            current_instances=[AutoscalerInstance(im_instance=head)],
        )
    )
    nodes: dict[str, int] = {}
    for request in reply.to_launch:
        nodes[request.instance_type] = nodes.get(request.instance_type, 0) + request.count
    return Launch(nodes, bool(reply.infeasible_resource_requests or reply.infeasible_gang_resource_requests))


def _alone(spec: FleetSpec, groups: dict[str, NodeTypeConfig]) -> Iterator[str]:
    for pool in spec.pools:
        demand = demand_of(spec, pool)
        if demand is None:
            continue
        launch = launched(groups, [demand])
        if launch.pending:
            lacks = _lacks(spec, pool, groups, demand)
            yield f"pool {pool} cannot start, no group provides {demand.description}: {lacks}"
        wrong = {name for name in launch.nodes if groups[name].labels.get(HARDWARE_LABEL) != spec.hardware_name(pool)}
        if wrong:
            yield f"pool {pool} would start {', '.join(sorted(wrong))}, which is different hardware, correct its labels"


def _together(spec: FleetSpec, groups: dict[str, NodeTypeConfig]) -> Iterator[str]:
    """Check the minimum replicas together, and with them one replica of each pool that may be empty."""
    floor = [demand for pool in spec.pools for demand in _replicas(spec, pool, spec.pools[pool].replicas.min)]
    if launched(groups, floor).pending:
        yield "the minimum replicas of all pools do not fit together, raise maxReplicas or lower replicas.min"
        return
    for pool in spec.pools:
        if spec.pools[pool].replicas.min == 0 and launched(groups, [*floor, *_replicas(spec, pool, 1)]).pending:
            yield f"pool {pool} cannot start while the other pools run their minimum replicas, raise maxReplicas"


def _replicas(spec: FleetSpec, pool: str, count: int) -> list[Demand]:
    """Demands of several replicas, each with a separate placement group."""
    demands = [demand_of(spec, pool, number) for number in range(count)]
    return [each for each in demands if each is not None]


def _lacks(spec: FleetSpec, pool: str, groups: dict[str, NodeTypeConfig], demand: Demand) -> str:
    """The resources that the groups of a pool's hardware lack."""
    name = spec.hardware_name(pool)
    own = {key: group for key, group in groups.items() if group.labels.get(HARDWARE_LABEL) == name}
    if not own:
        return f"none has the label {HARDWARE_LABEL}: {name}"
    lines = []
    for key, group in own.items():
        lacking = [_shortage(part, needed, group.resources) for part, needed in demand.one_node.items()]
        shortages = [each for each in lacking if each]
        too_few = f"has at most {group.max_worker_nodes} pods, {demand.nodes} are needed"
        lines.append(f"{key}: {'; '.join(shortages) or too_few}")
    return ", ".join(lines)


def _shortage(name: str, needed: float, resources: dict[str, Any]) -> str | None:
    available = resources.get(name, 0)
    return None if available >= needed else f"has {available:g} of {name}, {needed:g} are needed in one pod"
