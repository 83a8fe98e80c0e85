"""Sizes of nodes and how many of them: worked out by hand for small fleets."""

from __future__ import annotations

import pytest
from rendered_fleets import example, fleet

from k8s.errors import RenderError
from k8s.nodes import hosts_per_replica, node_selector, node_size, nodes_needed, tolerations


@pytest.mark.parametrize(
    ("pool", "nodes", "needed"),
    [
        ({"replicas": {"min": 0, "max": 2}}, {}, 0),
        ({"replicas": {"min": 4, "max": 4}}, {}, 1),
        ({"replicas": {"min": 5, "max": 9}}, {}, 2),
        ({"parallel": {"tensor": 4}, "replicas": {"min": 2, "max": 2}, "placement": "strict"}, {}, 2),
        ({"parallel": {"tensor": 2}, "placement": "strict_spread"}, {}, 2),
        ({"parallel": {"tensor": 4, "pipeline": 2}}, {}, 2),
    ],
)
def test_nodes_for_the_minimum_replicas(pool, nodes, needed):
    assert nodes_needed(fleet(pool, nodes), "gpu") == needed


def test_pools_share_devices():
    # Three replicas on each of the four cards of a node.
    assert nodes_needed(fleet({"gpu_fraction": 0.3, "replicas": {"min": 12, "max": 12}}), "gpu") == 1
    assert nodes_needed(fleet({"gpu_fraction": 0.3, "replicas": {"min": 13, "max": 13}}), "gpu") == 2


def test_a_node_has_a_cpu_and_memory_for_each_rank_of_a_shared_device():
    size = node_size(fleet({"gpu_fraction": 0.2}, {"devices_per_node": 1}), "gpu")
    assert (size.cpus, size.memory_gib, size.devices) == (5, 30, 1)


def test_pools_share_nodes():
    # One card for small, two nodes' cards for moe, four cards of one node for large: two nodes hold them all.
    assert nodes_needed(example("h100"), "h100") == 2


def test_too_few_nodes_are_an_error():
    with pytest.raises(RenderError, match=r"hardware\.gpu: has no room for the minimum replicas of small"):
        nodes_needed(fleet({"replicas": {"min": 9, "max": 9}}, {"nodes": 2}), "gpu")


@pytest.mark.parametrize(
    ("pool", "nodes", "hosts"),
    [
        ({}, {}, 1),
        ({"parallel": {"tensor": 4}}, {}, 1),
        ({"parallel": {"tensor": 4, "pipeline": 2}}, {}, 2),
        ({"parallel": {"tensor": 6}}, {}, 1),  # the second node has room for others
        ({"parallel": {"tensor": 2}, "placement": "strict_spread"}, {}, 1),
        ({"parallel": {"tensor": 2}, "placement": "strict_spread"}, {"devices_per_node": 1}, 2),
    ],
)
def test_only_whole_nodes_of_one_pool_come_together(pool, nodes, hosts):
    assert hosts_per_replica(fleet(pool, nodes), "gpu") == hosts


def test_shared_nodes_come_one_by_one():
    assert hosts_per_replica(example("h100"), "h100") == 1


def test_a_pod_fits_the_smallest_machine_with_its_device():
    size = node_size(fleet(nodes={"devices_per_node": 1}), "gpu")  # 4 CPUs and 16 GiB on the large clouds
    assert (size.cpus, size.memory_gib, size.devices, size.device_resource) == (3, 12, 1, "nvidia.com/gpu")
    assert size.shm_gib < size.memory_gib


def test_what_the_spec_says_of_nodes_holds():
    kinds = {"gpu": {"cpus": 30, "memory_gib": 99, "shm_gib": 7, "node_selector": {"a": "b"}, "tolerations": []}}
    spec = fleet(kubernetes={"hardware": kinds})
    size = node_size(spec, "gpu")
    assert (size.cpus, size.memory_gib, size.shm_gib) == (30, 99, 7)
    assert (node_selector(spec, "gpu"), tolerations(spec, "gpu")) == ({"a": "b"}, ())


def test_defaults_of_nodes():
    spec = fleet()
    assert node_selector(spec, "gpu") == {"signalbox/hardware": "gpu"}
    assert [taint.key for taint in tolerations(spec, "gpu")] == ["nvidia.com/gpu"]
    laptop = example("laptop")
    assert tolerations(laptop, "cpu-a") == ()
    assert (node_size(laptop, "cpu-a").cpus, node_size(laptop, "cpu-a").devices) == (2, 0)
    assert node_size(fleet(nodes={"device": "MI300X"}), "gpu").device_resource == "amd.com/gpu"
