"""Accounts, open ports and evictions."""

from __future__ import annotations

import pytest
from rendered_fleets import cluster, example, fleet, group, objects


def rules(spec):
    return objects(spec)["NetworkPolicy", f"{spec.name}-ray"]["spec"]["ingress"]


def test_head_and_workers_have_accounts_of_their_own():
    spec = fleet()
    accounts = {name for kind, name in objects(spec) if kind == "ServiceAccount"}
    used = {each["template"]["spec"]["serviceAccountName"] for each in (cluster(spec)["headGroupSpec"], group(spec))}
    assert accounts == used == {"fleet-head", "fleet-worker"}
    assert group(spec)["template"]["spec"]["automountServiceAccountToken"] is False


def test_strangers_reach_the_endpoint_alone():
    spec = fleet(gateway={"port": 9000})
    open_to_all = [each for each in rules(spec) if "from" not in each]
    assert open_to_all == [{"ports": [{"port": 9000, "protocol": "TCP"}]}]


def test_operator_and_prometheus_reach_what_they_need():
    spec = fleet(kubernetes={"operator_namespace": "ops", "monitoring": {"namespace": "watch"}})
    by_namespace = {
        source["namespaceSelector"]["matchLabels"]["kubernetes.io/metadata.name"]: [p["port"] for p in each["ports"]]
        for each in rules(spec)
        for source in each.get("from", [])
        if "namespaceSelector" in source
    }
    assert by_namespace == {"ops": [8265], "watch": [8080, 44217, 44227]}


@pytest.mark.parametrize(
    ("pool", "redis", "budgets"),
    [
        ({}, {}, {"worker": 1}),
        ({"parallel": {"tensor": 4}, "replicas": {"min": 3, "max": 5}}, {}, {"worker": 2}),
        ({"replicas": {"min": 0, "max": 2}}, {}, {}),
        ({"replicas": {"min": 0, "max": 2}}, None, {"head": 1}),
    ],
)
def test_one_node_at_a_time_is_evicted(pool, redis, budgets):
    found = objects(fleet(pool, kubernetes={"redis": redis}), "overlays/prod")
    kept = {
        each["spec"]["selector"]["matchLabels"]["ray.io/node-type"]: each["spec"]["minAvailable"]
        for (kind, _), each in found.items()
        if kind == "PodDisruptionBudget"
    }
    assert kept == budgets


def test_evictions_of_a_fleet_that_shares_nodes():
    budget = objects(example("h100"), "overlays/prod")["PodDisruptionBudget", "signalbox-worker"]
    assert budget["spec"]["minAvailable"] == 1
