"""Checks where gateways can run, by asking Ray's autoscaler, as `k8s.checks.scale_from_zero` does for pools.

KubeRay submits the Serve config when only the head runs. A gateway that may run there does, nothing moves it later, and
losing the head is then an outage.
"""

from __future__ import annotations

from collections.abc import Iterator

from ray.autoscaler.v2.instance_manager.config import NodeTypeConfig

from cluster.spec import FleetSpec
from deployments.config import GATEWAY_NODES
from k8s.checks.demand import Demand, demand_of_actor
from k8s.checks.finding import Finding
from k8s.checks.objects import Body, Manifest, mapping, number, read_yaml, sequence, text
from k8s.checks.rendered import HEAD_GROUP, Rendered
from k8s.checks.scale_from_zero import launched, node_types

CHECK = "gateways"


def check_gateways(rendered: Rendered) -> Iterator[Finding]:
    """Gateways, and replicas whose model runs elsewhere, have separate nodes, and each node has one gateway."""
    for manifest in rendered.of_kind("RayService"):
        try:
            groups = node_types(manifest)
            deployments = _deployments(manifest)
        except Exception:  # the checks of the groups and of the Serve config report it
            continue
        for name, count in _fronts(rendered.spec).items():
            demand = _demand(name, deployments.get(name, {}))
            for problem in _problems(name, count, demand, groups):
                yield Finding(CHECK, manifest.where(f"spec.serveConfigV2 deployment {name}"), problem)


def _deployments(manifest: Manifest) -> dict[str, Body]:
    """Options of the first application's deployments, by name.

    Raises:
        yaml.YAMLError: the Serve config is not YAML.
    """
    documents = read_yaml(text(manifest.body, "spec", "serveConfigV2"))
    listed = sequence(documents, 0, "applications", 0, "deployments")
    return {text(each, "name"): mapping(each) for each in listed}


def _fronts(spec: FleetSpec) -> dict[str, int]:
    """Deployments without devices, with their largest number of replicas."""
    elsewhere = {name: pool.replicas.max for name, pool in spec.pools.items() if not pool.devices}
    return {"gateway": spec.gateway.replicas.max} | elsewhere


def _demand(name: str, options: Body) -> Demand:
    """What Serve requests for one replica of a deployment."""
    actor = mapping(options, "ray_actor_options")
    per_node = number(options, "max_replicas_per_node")
    cpus = number(actor, "num_cpus") or 0
    return demand_of_actor(name, cpus, mapping(actor, "label_selector"), int(per_node) if per_node else None)


def _problems(name: str, count: int, demand: Demand, groups: dict[str, NodeTypeConfig]) -> Iterator[str]:
    label = ", ".join(f"{key}: {value}" for key, value in GATEWAY_NODES.items())
    head = {HEAD_GROUP: groups[HEAD_GROUP]}
    own = {group: each for group, each in groups.items() if each.labels.items() >= GATEWAY_NODES.items()}
    others = [
        group
        for group in groups.keys() - {*own, *head}
        if not launched(head | {group: groups[group]}, [demand]).pending
    ]
    if not launched(head, [demand]).pending:
        yield f"may run on the head, use ray_actor_options.label_selector {{{label}}}"
        return
    if others:
        yield f"may run on {', '.join(sorted(others))}, use ray_actor_options.label_selector {{{label}}}"
        return
    launch = launched(head | own, [demand] * count)
    if launch.pending:
        yield f"{count} replicas find no room, select nodes by {label}, and raise maxReplicas of their group"
    elif name == "gateway" and sum(launch.nodes.values()) < count:
        yield f"{count} gateways share {sum(launch.nodes.values())} nodes, use max_replicas_per_node: 1"
