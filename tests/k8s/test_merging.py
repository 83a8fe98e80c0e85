"""Patches of pod templates merge as `kubectl patch` merges them."""

from __future__ import annotations

import pytest
from pydantic import ValidationError
from rendered_fleets import cluster, container, fleet, group

from cluster.explain import explain
from k8s.merging import merged

SIDECAR = {"name": "proxy", "image": "org/proxy:1"}


@pytest.mark.parametrize(
    ("value", "patch", "expected"),
    [
        ({"a": 1, "b": {"c": 2}}, {"b": {"d": 3}}, {"a": 1, "b": {"c": 2, "d": 3}}),
        ({"a": 1, "b": 2}, {"b": None}, {"a": 1}),
        ({"a": [1, 2]}, {"a": [3]}, {"a": [3]}),
        ({"containers": [{"name": "x", "image": "i"}]}, {"containers": [{"name": "x", "tty": True}]},
         {"containers": [{"name": "x", "image": "i", "tty": True}]}),
        ({"containers": [{"name": "x"}]}, {"containers": [SIDECAR]}, {"containers": [{"name": "x"}, SIDECAR]}),
        ({"env": [{"name": "A", "value": "1"}]}, {"env": [{"name": "A", "value": "2"}]},
         {"env": [{"name": "A", "value": "2"}]}),
        ({}, {"a": {"b": None, "c": 1}}, {"a": {"c": 1}}),
        ({"a": "text"}, {"a": {"b": 1}}, {"a": {"b": 1}}),
    ],
)  # fmt: skip
def test_merging(value, patch, expected):
    before = repr(value)
    assert merged(value, patch) == expected
    assert repr(value) == before


def test_workers_take_the_patch_and_one_kind_of_hardware_its_own():
    rdma = {"containers": [{"name": "ray-worker", "resources": {"limits": {"rdma/hca": "1"}}}]}
    section = {
        "pod_patch": {"spec": {"containers": [SIDECAR], "hostname": "all"}},
        "hardware": {"gpu": {"pod_patch": {"spec": rdma | {"hostname": "gpu"}}}},
        "head_patch": {"metadata": {"annotations": {"a": "b"}}},
    }
    spec = fleet(kubernetes=section)
    pod = group(spec)["template"]["spec"]
    assert [each["name"] for each in pod["containers"]] == ["ray-worker", "proxy"]
    assert pod["containers"][0]["resources"]["limits"]["rdma/hca"] == "1"
    assert (pod["hostname"], group(spec, "gateways")["template"]["spec"]["hostname"]) == ("gpu", "all")
    head = cluster(spec)["headGroupSpec"]["template"]
    assert head["metadata"]["annotations"]["a"] == "b"
    assert len(head["spec"]["containers"]) == 1


def test_fields_of_all_pods():
    section = {
        "env": {"NCCL_SOCKET_IFNAME": "eth0"},
        "labels": {"team": "llm"},
        "annotations": {"sidecar.istio.io/inject": "false"},
        "priority_class": "high",
        "runtime_class": "nvidia",
    }
    spec = fleet(kubernetes=section)
    for each in (cluster(spec)["headGroupSpec"], *cluster(spec)["workerGroupSpecs"]):
        template = each["template"]
        assert {"name": "NCCL_SOCKET_IFNAME", "value": "eth0"} in container(each)["env"]
        assert template["metadata"]["labels"]["team"] == "llm"
        assert template["metadata"]["annotations"]["sidecar.istio.io/inject"] == "false"
        assert template["spec"]["priorityClassName"] == "high"
        assert template["spec"].get("runtimeClassName") == ("nvidia" if each.get("groupName") == "gpu" else None)


@pytest.mark.parametrize(
    ("section", "message"),
    [
        ({"pod_patch": {"sepc": {}}}, "kubernetes.pod_patch.sepc: unknown key: did you mean 'spec'?"),
        ({"pod_patch": {"spec": []}}, "kubernetes.pod_patch.spec: invalid value a list of 0, use a mapping"),
        ({"head_patch": {"spec": {"containers": [{"image": "x"}]}}}, "kubernetes.head_patch.spec.containers.0: lacks"),
        ({"head_patch": {"spec": {"$patch": "replace"}}}, "kubernetes.head_patch.spec.$patch: is a directive"),
        ({"env": {"a-b": "c"}}, "kubernetes.env.a-b: invalid value 'a-b', use a variable's name"),
        ({"labels": {"ray.io/cluster": "x"}}, "kubernetes.labels.ray.io/cluster: invalid value 'ray.io/cluster', use"),
    ],
)
def test_patches_that_mean_nothing(section, message):
    with pytest.raises(ValidationError) as caught:
        fleet(kubernetes=section)
    assert any(line.startswith(message) for line in explain(caught.value)), list(explain(caught.value))
