"""Number of gateways and of their nodes."""

from __future__ import annotations

import pytest
import yaml
from rendered_fleets import cluster, fleet, group, objects

from deployments.config import GATEWAY_NODES
from k8s.gateways import gateway_nodes, with_usual_gateways


@pytest.mark.parametrize(
    ("gateway", "bounds"),
    [
        ({}, (2, 2)),
        ({"port": 8001}, (2, 2)),
        ({"replicas": {"min": 1, "max": 1}}, (1, 1)),
        ({"replicas": {"max": 4}}, (1, 4)),
    ],
)
def test_two_unless_the_spec_says_how_many(gateway, bounds):
    replicas = with_usual_gateways(fleet(gateway=gateway)).gateway.replicas
    assert (replicas.min, replicas.max) == bounds


@pytest.mark.parametrize(
    ("replicas", "surge", "nodes"),
    [
        ({"min": 2, "max": 2}, 25, (2, 3)),
        ({"min": 2, "max": 8}, 25, (2, 10)),
        ({"min": 2, "max": 2}, 0, (2, 2)),
    ],
)
def test_an_update_finds_a_free_node(replicas, surge, nodes):
    spec = fleet(gateway={"replicas": replicas}, kubernetes={"upgrade": {"replica_surge_percent": surge}})
    assert gateway_nodes(spec) == nodes


def test_gateways_have_a_group_and_the_serve_config_names_it():
    spec = fleet()
    found = group(spec, "gateways")
    assert (found["minReplicas"], found["maxReplicas"], found["labels"]) == (2, 3, GATEWAY_NODES)
    assert cluster(spec)["headGroupSpec"]["rayStartParams"]["num-cpus"] == "0"
    config = yaml.safe_load(objects(spec, "base")["RayService", "fleet"]["spec"]["serveConfigV2"])
    (gateway,) = [each for each in config["applications"][0]["deployments"] if each["name"] == "gateway"]
    assert (gateway["num_replicas"], gateway["max_replicas_per_node"], gateway["max_surge_percent"]) == (2, 1, 25)
    assert gateway["ray_actor_options"] == {"num_cpus": 0.01, "label_selector": GATEWAY_NODES}


def test_machines_of_gateways_are_the_spec_s():
    taint = {"key": "only", "effect": "NoSchedule"}
    section = {"cpus": 3, "memory_gib": 6, "node_selector": {"kind": "cpu"}, "tolerations": [taint]}
    pod = group(fleet(kubernetes={"gateways": section}), "gateways")["template"]["spec"]
    assert (pod["nodeSelector"], pod["tolerations"]) == ({"kind": "cpu"}, [taint | {"operator": "Exists"}])
    assert pod["containers"][0]["resources"]["limits"] == {"cpu": "3", "memory": "6Gi"}
