"""Ray's own autoscaler on our manifests: from no worker, every pool gets the nodes that it asks for."""

from __future__ import annotations

import pytest
from checked_overlays import BOX, CLUSTER, DELETE, GROUP, changed, gpu_overlay, l4_overlay, overlay, reported
from rendered_fleets import example, fleet

from cluster.spec import FleetSpec
from k8s.checks import deployed_spec
from k8s.checks.demand import demand_of
from k8s.checks.scale_from_zero import check_scale_from_zero, launched, node_types

REMOTE = {"kind": "remote", "options": {"base_url": "https://api.example.com/v1"}}
SILENT = {"monitoring": {"enabled": False}}


def nodes(rendered, *pools):
    """Pods that a replica of each pool makes Ray launch, by group."""
    (service,) = rendered.of_kind("RayService")
    demands = [demand_of(rendered.spec, pool, number) for number, pool in enumerate(pools)]
    launch = launched(node_types(service), [each for each in demands if each])
    return "pending" if launch.pending else launch.nodes


@pytest.mark.parametrize("name", ["dev", "prod"])
def test_each_pool_gets_its_own_kind_of_node(name):
    rendered = l4_overlay(name)
    assert reported(check_scale_from_zero, rendered) == []
    assert nodes(rendered, "small") == {"l4-single": 1}
    assert nodes(rendered, "moe") == {"l4-quad": 1}
    assert nodes(rendered, "large") == {"l4-eight": 1}
    assert nodes(rendered, "small", "moe", "large") == {"l4-single": 1, "l4-quad": 1, "l4-eight": 1}


def test_a_gang_that_spreads_takes_a_node_for_each_rank():
    rendered = overlay(without_monitoring("h100"))
    assert reported(check_scale_from_zero, rendered) == []
    assert nodes(rendered, "moe") == {"h100": 2}
    # Two gangs of two share the same two nodes, which have eight cards each; a third one does, too.
    assert nodes(rendered, "moe", "moe", "moe") == {"h100": 2}
    assert nodes(rendered, "moe", "large", "small") == {"h100": 2}


def without_monitoring(name):
    data = example(name).model_dump(mode="json")
    return FleetSpec.model_validate(data | {"kubernetes": SILENT})


def test_a_gang_larger_than_a_node_takes_several():
    pool = {"parallel": {"tensor": 4, "pipeline": 2}, "placement": "pack", "replicas": {"min": 0, "max": 1}}
    rendered = overlay(fleet(pool, {"nodes": 2}))
    assert reported(check_scale_from_zero, rendered) == []
    assert nodes(rendered, "small") == {"gpu": 2}


def two_gpus():
    pool = {"tier": "small", "model": "org/model", "replicas": {"min": 0, "max": 2}}
    pools = {
        "small": pool | {"hardware": "l4"},
        "large": pool | {"tier": "large", "model": "org/large", "hardware": "h100", "parallel": {"tensor": 2}},
        "far": {"tier": "large", "model": "gpt", "engine": REMOTE},
    }
    hardware = {"l4": {"device": "L4", "nodes": 2}, "h100": {"device": "H100", "devices_per_node": 2, "nodes": 1}}
    return FleetSpec.model_validate({"pools": pools, "hardware": hardware, "kubernetes": SILENT})


def test_pools_on_different_gpus_launch_different_groups_and_remote_ones_none():
    rendered = overlay(two_gpus())
    assert reported(check_scale_from_zero, rendered) == []
    assert nodes(rendered, "small") == {"l4": 1}
    assert nodes(rendered, "large") == {"h100": 1}
    assert nodes(rendered, "far") == {}


def test_the_accelerator_s_resource_is_what_launches_a_gpu_group():
    """The trap: Ray sees the GPU's type on a node that runs, and so never starts the first one."""
    broken = changed(gpu_overlay(), "RayService", f"{GROUP} resources")
    assert nodes(broken, "small") == "pending"
    (problem,) = reported(check_scale_from_zero, broken)[:1]
    assert "pool small cannot start, no group provides 4 x {CPU: 1, GPU: 1, accelerator_type:L4: 0.001}" in problem
    assert problem.endswith("gpu: has 0 of accelerator_type:L4, 0.004 are needed in one pod")


@pytest.mark.parametrize(
    ("path", "value", "problem"),
    [
        (f"{GROUP} labels", DELETE, "none has the label signalbox/hardware: gpu"),
        (f"{BOX} resources limits nvidia.com/gpu", "2", "gpu: has 2 of GPU, 4 are needed in one pod"),
        (f"{BOX} resources limits cpu", "2", "gpu: has 2 of CPU, 4 are needed in one pod"),
        (f"{GROUP} resources accelerator_type:L4", DELETE, "has 0 of accelerator_type:L4"),
        (f"{GROUP} resources", {"accelerator_type:H100": "1"}, "has 0 of accelerator_type:L4"),
        (f"{GROUP} maxReplicas", 0, "has at most 0 pods, 1 are needed"),
        (f"{GROUP} groupName", DELETE, "Ray's autoscaler cannot read the groups: KeyError 'groupName'"),
        (f"{CLUSTER} headGroupSpec template spec containers", [], "cannot read the groups: IndexError"),
        (f"{GROUP} labels bad!key", "x", "Ray's autoscaler cannot read the groups: ValueError"),
        (f"{CLUSTER} workerGroupSpecs", [], "none has the label"),
        (f"{BOX} resources", {}, "cannot read the groups"),
    ],
)
def test_a_pool_that_would_never_start_is_said(path, value, problem):
    found = reported(check_scale_from_zero, changed(gpu_overlay(), "RayService", path, value))
    assert any(problem in line for line in found), found


def test_too_few_nodes_for_a_spreading_gang():
    fewer = changed(overlay(without_monitoring("h100")), "RayService", f"{GROUP} maxReplicas", 1)
    found = reported(check_scale_from_zero, changed(fewer, "RayService", f"{GROUP} minReplicas", 0))
    assert any("pool moe cannot start" in line and line.endswith("1 pods, 2 are needed") for line in found), found
    (refused,) = reported(check_scale_from_zero, fewer)  # Ray's own error for a minimum above the maximum
    assert "Ray's autoscaler cannot read the groups" in refused


def test_not_enough_nodes_for_all_minimum_replicas_together():
    pools = {
        name: {"tier": tier, "model": f"org/{name}", "parallel": {"tensor": 4}, "replicas": {"min": low, "max": 2}}
        for name, tier, low in (("small", "small", 1), ("large", "large", 1))
    }
    hardware = {"gpu": {"device": "L4", "devices_per_node": 4, "nodes": 2}}
    rendered = overlay(FleetSpec.model_validate({"pools": pools, "hardware": hardware, "kubernetes": SILENT}))
    assert reported(check_scale_from_zero, rendered) == []
    fewer = changed(rendered, "RayService", f"{GROUP} maxReplicas", 1)
    found = reported(check_scale_from_zero, changed(fewer, "RayService", f"{GROUP} minReplicas", 0))
    assert ["minimum replicas of all pools do not fit together" in line for line in found] == [True]


def test_a_pool_that_may_be_empty_still_finds_room_beside_the_others():
    pools = {
        name: {"tier": tier, "model": f"org/{name}", "parallel": {"tensor": 4}, "replicas": {"min": low, "max": 2}}
        for name, tier, low in (("small", "small", 2), ("large", "large", 0))
    }
    hardware = {"gpu": {"device": "L4", "devices_per_node": 4, "nodes": 2}}
    rendered = overlay(FleetSpec.model_validate({"pools": pools, "hardware": hardware, "kubernetes": SILENT}))
    (found,) = reported(check_scale_from_zero, rendered)
    assert "pool large cannot start while the other pools run their minimum replicas" in found


def test_other_hardware_of_the_same_gpu_is_not_launched():
    """Two groups of one GPU: only the labels keep pools apart."""
    rendered = l4_overlay()
    swapped = changed(rendered, "RayService", f"{GROUP} labels signalbox/hardware", "l4-quad")
    found = reported(check_scale_from_zero, swapped)
    assert any("pool large cannot start" in line and "none has the label" in line for line in found), found


def test_pools_that_share_a_card_launch_one_node():
    pool = {"tier": "small", "model": "org/a", "replicas": {"min": 0, "max": 1}}
    pools = {"a": pool | {"gpu_fraction": 0.4}, "b": pool | {"model": "org/b", "gpu_fraction": 0.5}}
    hardware = {"card": {"device": "L4", "nodes": 1}}
    spec = FleetSpec.model_validate({"pools": pools, "hardware": hardware, "kubernetes": SILENT})
    rendered = overlay(spec)
    assert reported(check_scale_from_zero, rendered) == []
    assert [nodes(rendered, name) for name in pools] == [{"card": 1}, {"card": 1}]
    assert demand_of(deployed_spec(spec, "prod"), "a").single.request.resources_bundle["GPU"] == 0.4


def test_demands_are_those_of_the_deployments():
    spec = deployed_spec(two_gpus(), "prod")
    single = demand_of(spec, "small").single.request
    assert dict(single.resources_bundle) == {"CPU": 1, "GPU": 1, "accelerator_type:L4": 0.001}
    assert single.label_selectors[0].label_constraints[0].label_values == ["l4"]
    gang = demand_of(spec, "large").gang
    assert [dict(each.resources_bundle)["GPU"] for each in gang.requests] == [1, 1]
    assert demand_of(spec, "far") is None
