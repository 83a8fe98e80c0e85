"""The RayService: what Ray and KubeRay read, for small fleets whose numbers can be told by hand."""

from __future__ import annotations

import pytest
import yaml
from rendered_fleets import cluster, container, example, fleet, group, objects

from deployments.config import KUBERNETES, SERVING_ENVIRONMENT, serve_config
from k8s.image import for_image


def pods(spec):
    return [cluster(spec)["headGroupSpec"], *cluster(spec)["workerGroupSpecs"]]


def test_serve_config_is_the_one_that_is_submitted_everywhere():
    spec = example("l4")
    text = objects(spec, "base")["RayService", spec.name]["spec"]["serveConfigV2"]
    assert yaml.safe_load(text) == serve_config(for_image(spec), KUBERNETES)
    assert yaml.safe_load(text)["proxy_location"] == "EveryNode"


def test_a_group_for_each_kind_of_hardware_in_use():
    groups = {each["groupName"]: each for each in cluster(example("l4"))["workerGroupSpecs"][:-1]}
    bounds = {name: (each["minReplicas"], each["maxReplicas"]) for name, each in groups.items()}
    assert bounds == {"l4-single": (1, 6), "l4-quad": (0, 2), "l4-eight": (0, 2)}
    assert all(each["resources"] == {"accelerator_type:L4": "1"} for each in groups.values())
    assert all(each["labels"] == {"signalbox/hardware": name} for name, each in groups.items())
    limits = {name: container(each)["resources"]["limits"]["nvidia.com/gpu"] for name, each in groups.items()}
    assert limits == {"l4-single": "1", "l4-quad": "4", "l4-eight": "8"}


def test_hardware_that_no_pool_uses_has_no_group():
    spec = fleet(hardware={"gpu": {"device": "L4"}, "idle": {"device": "H100"}})
    assert [each["groupName"] for each in cluster(spec)["workerGroupSpecs"]] == ["gpu", "gateways"]


def test_whole_nodes_of_one_pool_are_one_replica():
    spec = fleet({"parallel": {"tensor": 4, "pipeline": 2}, "replicas": {"min": 1, "max": 3}})
    found = group(spec)
    assert (found["numOfHosts"], found["minReplicas"], found["maxReplicas"]) == (2, 1, 3)


def drain_s(group_spec):
    known = {one["name"]: one.get("value") for one in container(group_spec)["env"]}
    return int(known["RAY_GRACEFUL_SHUTDOWN_DRAIN_TIMEOUT_S"])


def test_the_head_goes_at_once_and_its_state_after_all_pods():
    spec = fleet(gateway={"request_timeout_s": 1234.5})
    head = cluster(spec)["headGroupSpec"]
    assert (drain_s(head), head["template"]["spec"]["terminationGracePeriodSeconds"]) == (10, 60)
    longest = max(each["template"]["spec"]["terminationGracePeriodSeconds"] for each in pods(spec))
    annotations = objects(spec, "base")["RayService", "fleet"]["metadata"]["annotations"]
    assert int(annotations["ray.io/gcs-ft-deletion-timeout"]) > longest


def test_autoscalers_of_machines_leave_every_pod():
    for each in pods(fleet()):
        found = each["template"]["metadata"]["annotations"]
        assert found["cluster-autoscaler.kubernetes.io/safe-to-evict"] == "false"
        assert found["karpenter.sh/do-not-disrupt"] == "true"


def test_services_of_the_namespace_set_no_variables():
    for each in pods(fleet()):
        assert each["template"]["spec"]["enableServiceLinks"] is False


def test_every_worker_outlives_the_longest_stream():
    spec = fleet(gateway={"request_timeout_s": 1234.5}, scaling={"cold_start_s": 100.0})
    for each in cluster(spec)["workerGroupSpecs"]:
        assert drain_s(each) == 1335
        assert each["template"]["spec"]["terminationGracePeriodSeconds"] > 1335
    assert objects(spec, "base")["RayService", "fleet"]["spec"]["rayClusterDeletionDelaySeconds"] > 1234.5


def test_no_pod_is_root_or_becomes_it():
    for each in pods(example("h100")):
        pod = each["template"]["spec"]
        assert pod["securityContext"]["runAsNonRoot"] is True
        for one in pod["containers"]:
            assert one["securityContext"] == {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}


def test_processes_know_how_to_serve():
    for each in pods(fleet()):
        known = {one["name"]: one.get("value") for one in container(each)["env"]}
        assert known.items() >= SERVING_ENVIRONMENT.items()
        assert known["RAY_SERVE_ENABLE_HA_PROXY"] == "1"
        assert known["HF_HOME"] == "/models/huggingface"
        assert list(known) == sorted(known)


def test_the_endpoint_port_is_the_spec_s():
    spec = fleet(gateway={"port": 9000})
    for each in pods(spec):
        assert {"containerPort": 9000, "name": "serve"} in container(each)["ports"]


def test_start_parameters_are_texts():
    for each in pods(example("laptop")):
        assert all(isinstance(value, str) for value in each["rayStartParams"].values())


def test_secrets_and_registries_of_the_spec():
    section = {"image": "reg/x:1", "image_pull_secret": "reg", "environment_secret": "keys", "hf_token_secret": "hf"}
    for each in pods(fleet(kubernetes=section)):
        assert container(each)["image"] == "reg/x:1"
        assert container(each)["envFrom"] == [{"secretRef": {"name": "keys"}}]
        assert each["template"]["spec"]["imagePullSecrets"] == [{"name": "reg"}]
        token = next(one for one in container(each)["env"] if one["name"] == "HF_TOKEN")
        assert token["valueFrom"] == {"secretKeyRef": {"name": "hf", "key": "token", "optional": True}}


def test_head_goes_where_the_spec_says():
    taint = {"key": "only", "value": "heads", "effect": "NoExecute"}
    head = {"cpus": 2, "memory_gib": 8, "node_selector": {"kind": "cpu"}, "tolerations": [taint]}
    pod = cluster(fleet(kubernetes={"head": head}))["headGroupSpec"]["template"]["spec"]
    assert pod["nodeSelector"] == {"kind": "cpu"}
    assert pod["tolerations"] == [taint | {"operator": "Equal"}]
    assert pod["containers"][0]["resources"]["limits"] == {"cpu": "2", "memory": "8Gi"}


@pytest.mark.parametrize(
    ("upgrade", "expected"),
    [
        ({}, {"type": "NewCluster"}),
        ({"strategy": "None"}, {"type": "None"}),
        (
            {"strategy": "NewClusterWithIncrementalUpgrade", "gateway_class": "istio", "step_percent": 20},
            {
                "type": "NewClusterWithIncrementalUpgrade",
                "clusterUpgradeOptions": {
                    "gatewayClassName": "istio",
                    "stepSizePercent": 20,
                    "intervalSeconds": 60,
                    "maxSurgePercent": 100,
                },
            },
        ),
    ],
)
def test_upgrades(upgrade, expected):
    found = objects(fleet(kubernetes={"upgrade": upgrade}), "base")["RayService", "fleet"]
    assert found["spec"]["upgradeStrategy"] == expected
