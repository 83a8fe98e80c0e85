"""Accounts, open ports and evictions."""

from __future__ import annotations

import pytest
from rendered_fleets import cluster, fleet, group, objects

STRICT = {"parallel": {"tensor": 4}, "placement": "strict_pack"}


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
        ({}, {}, {"fleet-gateways": 1}),
        (STRICT | {"replicas": {"min": 3, "max": 5}}, {}, {"fleet-gateways": 1, "fleet-gpu": 2}),
        ({"replicas": {"min": 0, "max": 2}}, {}, {"fleet-gateways": 1}),
        ({"replicas": {"min": 0, "max": 2}}, None, {"fleet-gateways": 1, "fleet-head": 1}),
    ],
)
def test_one_ready_pod_may_always_go(pool, redis, budgets):
    found = objects(fleet(pool, kubernetes={"redis": redis}), "overlays/prod")
    kept = {name: each["spec"]["minAvailable"] for (kind, name), each in found.items() if kind == "PodDisruptionBudget"}
    assert kept == budgets
