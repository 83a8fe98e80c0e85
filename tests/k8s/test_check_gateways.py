"""Where gateways may run: Ray's own scheduler is asked, with the Serve config that is submitted."""

from __future__ import annotations

import pytest
import yaml
from checked_overlays import CLUSTER, DELETE, changed, gpu_overlay, overlay, reported
from rendered_fleets import fleet

from cluster.spec import FleetSpec
from deployments.config import GATEWAY_NODES
from k8s.checks import check_overlay
from k8s.checks.gateways import check_gateways

REMOTE = {"kind": "remote", "options": {"base_url": "https://api.example.com/v1"}}
GROUPS = f"{CLUSTER} workerGroupSpecs"
SILENT = {"monitoring": {"enabled": False}}


def remote_fleet(**more):
    pools = {"far": {"tier": "large", "model": "gpt", "engine": REMOTE}}
    return FleetSpec.model_validate({"name": "fleet", "pools": pools, "kubernetes": SILENT} | more)


def with_options(rendered, deployment, options):
    """The overlay with other options of a deployment; None takes one away."""
    (service,) = rendered.of_kind("RayService")
    config = yaml.safe_load(service.body["spec"]["serveConfigV2"])
    for each in config["applications"][0]["deployments"]:
        if each["name"] == deployment:
            for key, value in options.items():
                each.pop(key, None) if value is None else each.update({key: value})
    return changed(rendered, "RayService", "spec serveConfigV2", yaml.safe_dump(config))


@pytest.mark.parametrize(
    ("options", "problem"),
    [
        # What was rendered before gateways had nodes: the head is the only node when KubeRay submits.
        (
            {"ray_actor_options": None, "max_replicas_per_node": None},
            "gateway: may run on the head, use ray_actor",
        ),
        (
            {"ray_actor_options": {"num_cpus": 0}},
            "gateway: may run on the head, use ray_actor_options.label_selector",
        ),
        ({"ray_actor_options": {"num_cpus": 0.01}}, "gateway: may run on gpu, use ray_actor_options.label_selector"),
        (
            {"ray_actor_options": {"num_cpus": 1, "label_selector": {"signalbox/role": "x"}}},
            "gateway: 2 replicas find no",
        ),
        ({"max_replicas_per_node": None}, "gateway: 2 gateways share 1 nodes, use max_replicas_per_node: 1"),
    ],
)
def test_gateways_with_no_node_of_their_own(options, problem):
    found = reported(check_gateways, with_options(gpu_overlay(), "gateway", options))
    assert any(problem in line for line in found), found


@pytest.mark.parametrize(("path", "value"), [("1 maxReplicas", 1), ("1 labels", {}), ("1", DELETE)])
def test_too_few_nodes_for_gateways(path, value):
    none_needed = changed(gpu_overlay(), "RayService", f"{GROUPS} 1 minReplicas", 0)
    (found,) = reported(check_gateways, changed(none_needed, "RayService", f"{GROUPS} {path}", value))
    assert "gateway: 2 replicas find no room, select nodes by signalbox/role: gateway" in found


@pytest.mark.parametrize("name", ["dev", "prod"])
def test_a_fleet_whose_models_run_elsewhere_passes_all_checks(name):
    """Its only pods are the head's and the gateways'."""
    rendered = overlay(remote_fleet(), name)
    assert check_overlay(rendered)[0] == []
    (service,) = rendered.of_kind("RayService")
    groups = service.body["spec"]["rayClusterConfig"]["workerGroupSpecs"]
    assert [(each["groupName"], each["labels"]) for each in groups] == [("gateways", GATEWAY_NODES)]


def test_remote_replicas_stay_off_the_head_too():
    wrong = with_options(overlay(remote_fleet()), "far", {"ray_actor_options": None})
    (found,) = reported(check_gateways, wrong)
    assert "deployment far: may run on the head" in found


def test_a_fleet_at_zero_replicas_passes():
    spec = fleet({"replicas": {"min": 0, "max": 2}})
    assert reported(check_gateways, overlay(spec)) == []
