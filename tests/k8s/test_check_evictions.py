"""Budgets for evictions: one ready pod may always go, and the arithmetic of what is ready is worked out by hand."""

from __future__ import annotations

import pytest
from checked_overlays import DELETE, GROUP, HEAD, changed, l4_overlay, overlay, reported
from rendered_fleets import example, fleet

from cluster.spec import FleetSpec
from k8s.checks.evictions import check_evictions
from k8s.nodes import nodes_needed, ready_nodes

BUDGET = "PodDisruptionBudget"


@pytest.mark.parametrize(
    ("path", "value", "problem"),
    [
        ("spec selector", DELETE, "spec.selector: also selects"),
        ("spec selector matchLabels signalbox/role", DELETE, "selects both the head and workers"),
        ("spec selector matchLabels signalbox/fleet", DELETE, "also selects pods of other fleets"),
        ("spec selector matchLabels signalbox/role", "other", "spec.selector: selects no pod"),
        ("spec minAvailable", DELETE, "protects nothing"),
        ("spec minAvailable", 2, "invalid value 2, but 2 pods are ready at minimum size, use less"),
        ("spec unhealthyPodEvictionPolicy", DELETE, "is missing, use AlwaysAllow"),
    ],
)
def test_budgets_that_protect_nothing_or_too_much(path, value, problem):
    found = reported(check_evictions, changed(l4_overlay(), BUDGET, path, value))
    assert any(problem in line for line in found), found


def test_the_budget_of_before_kept_the_only_node():
    """It counted nodes, of which one was needed, and asked for one that stays."""
    selector = {"matchLabels": {"signalbox/fleet": "signalbox", "signalbox/hardware": "l4-single"}}
    broken = changed(changed(l4_overlay(), BUDGET, "spec selector", selector), BUDGET, "spec minAvailable", 1)
    assert any("invalid value 1, but 1 pods are ready" in line for line in reported(check_evictions, broken))


def over_two_nodes():
    """Three pools on nodes of eight, one of which spans two nodes: its second node is never ready."""
    pools = {
        "small": {"tier": "small", "model": "a/a", "replicas": {"min": 1, "max": 8}},
        "large": {"tier": "large", "model": "b/b", "parallel": {"tensor": 4}, "placement": "strict_pack"},
        "wide": {"tier": "large", "model": "c/c", "parallel": {"tensor": 16}, "placement": "spread"},
    }
    hardware = {"gpu": {"device": "H100", "devices_per_node": 8, "nodes": 8}}
    return FleetSpec.model_validate({"name": "fleet", "pools": pools, "hardware": hardware})


def test_nodes_with_ranks_alone_do_not_count():
    spec = over_two_nodes()
    # Replica processes hold 1 + 4 + 1 of the devices: all may be on one node, though three nodes are needed.
    assert (nodes_needed(spec, "gpu"), ready_nodes(spec, "gpu")) == (3, 1)


@pytest.mark.parametrize(
    ("pool", "ready"),
    [
        ({"replicas": {"min": 0, "max": 2}}, 0),
        ({"replicas": {"min": 4, "max": 4}}, 1),
        ({"replicas": {"min": 5, "max": 9}}, 2),
        ({"parallel": {"tensor": 4}, "placement": "strict_pack", "replicas": {"min": 3, "max": 5}}, 3),
        ({"parallel": {"tensor": 4}, "placement": "pack", "replicas": {"min": 3, "max": 5}}, 1),
        ({"parallel": {"tensor": 2}, "placement": "strict_spread", "replicas": {"min": 5, "max": 5}}, 2),
    ],
)
def test_ready_nodes(pool, ready):
    assert ready_nodes(fleet(pool), "gpu") == ready


def test_shares_of_one_device_are_ready_on_one_node():
    share = {"gpu_fraction": 0.3, "replicas": {"min": 3, "max": 3}}
    assert ready_nodes(fleet(share, {"devices_per_node": 1}), "gpu") == 1


@pytest.mark.parametrize("name", ["l4", "h100"])
def test_no_budget_for_a_kind_of_which_one_node_is_ready(name):
    assert all(ready_nodes(example(name), each) <= 1 for each in example(name).hardware)


def test_untouched_budgets_pass():
    pool = {"parallel": {"tensor": 4}, "placement": "strict_pack", "replicas": {"min": 3, "max": 5}}
    rendered = overlay(fleet(pool, kubernetes={"monitoring": {"enabled": False}, "redis": None}))
    kept = {each.name: each.body["spec"]["minAvailable"] for each in rendered.of_kind(BUDGET)}
    assert kept == {"fleet-gpu": 2, "fleet-gateways": 1, "fleet-head": 1}
    assert reported(check_evictions, rendered) == []


@pytest.mark.parametrize("mark", ["cluster-autoscaler.kubernetes.io/safe-to-evict", "karpenter.sh/do-not-disrupt"])
@pytest.mark.parametrize("place", [f"{HEAD} template", f"{GROUP} template"])
def test_pods_without_a_mark_may_be_moved(place, mark):
    found = reported(check_evictions, changed(l4_overlay(), "RayService", f"{place} metadata annotations {mark}"))
    assert any(mark in line and "would move the pod" in line for line in found), found
