"""What prod adds and dev takes away."""

from __future__ import annotations

import pytest
import yaml
from rendered_fleets import example, fleet, objects, patches

from k8s.overlays import small_twin
from k8s.render import render

CLUSTER = "/spec/rayClusterConfig"
FAULT_TOLERANCE = f"{CLUSTER}/gcsFaultToleranceOptions"


def test_prod_keeps_the_head_s_state_in_its_redis():
    spec = fleet()
    options = patches(spec, "prod")[FAULT_TOLERANCE]
    host, port = options["redisAddress"].split(":")
    service = objects(spec, "overlays/prod")["Service", host]
    stateful = objects(spec, "overlays/prod")["StatefulSet", host]["spec"]
    assert int(port) == service["spec"]["ports"][0]["port"]
    assert stateful["template"]["metadata"]["labels"] == service["spec"]["selector"]
    password = options["redisPassword"]["valueFrom"]["secretKeyRef"]
    (variable,) = stateful["template"]["spec"]["containers"][0]["env"]
    assert variable["valueFrom"]["secretKeyRef"] == password == {"name": "fleet-redis", "key": "password"}


def test_an_existing_redis_is_used():
    redis = {"address": "redis.data:6380", "password_secret": "theirs"}
    spec = fleet(kubernetes={"redis": redis})
    assert patches(spec, "prod")[FAULT_TOLERANCE] == {
        "redisAddress": "redis.data:6380",
        "redisPassword": {"valueFrom": {"secretKeyRef": {"name": "theirs", "key": "password"}}},
    }
    assert not [kind for kind, _ in objects(spec, "overlays/prod") if kind == "StatefulSet"]


@pytest.mark.parametrize(
    ("redis", "options"),
    [
        ({"address": "redis.data:6380"}, {"redisAddress": "redis.data:6380"}),
        (
            {"address": "rediss://redis.data:6380", "user": "ray", "password_secret": "theirs"},
            {
                "redisAddress": "rediss://redis.data:6380",
                "redisUsername": {"value": "ray"},
                "redisPassword": {"valueFrom": {"secretKeyRef": {"name": "theirs", "key": "password"}}},
            },
        ),
    ],
)
def test_an_existing_redis_may_have_a_user_or_no_password(redis, options):
    """Without a password, pods waited for a Secret that nobody creates."""
    spec = fleet(kubernetes={"redis": redis})
    assert patches(spec, "prod")[FAULT_TOLERANCE] == options


def test_no_redis():
    assert patches(fleet(kubernetes={"redis": None}), "prod") == {}


def test_dev_is_small_and_alone():
    spec = example("h100")
    changes = patches(spec, "dev")
    assert FAULT_TOLERANCE not in changes
    assert changes["/spec/upgradeStrategy"] == {"type": "None"}
    # One card, two nodes' cards and four cards of one node: two of the four nodes.
    assert changes[f"{CLUSTER}/workerGroupSpecs/0/maxReplicas"] == 2
    (app,) = yaml.safe_load(changes["/spec/serveConfigV2"])["applications"]
    (gateway,) = (each for each in app["deployments"] if each["name"] == "gateway")
    assert {pool["replicas"]["max"] for pool in gateway["user_config"]["spec"]["pools"].values()} == {1}
    assert {kind for kind, _ in objects(spec, "overlays/dev")} == {"Namespace"}


@pytest.mark.parametrize(
    ("replicas", "most", "expected"),
    [
        ({"min": 0, "max": 8, "standby": 3}, 2, (0, 2, 2)),
        ({"min": 3, "max": 8, "standby": 3}, 2, (3, 3, 0)),
        ({"min": 1, "max": 2}, 9, (1, 2, 0)),
    ],
)
def test_bounds_of_a_small_pool(replicas, most, expected):
    twin = small_twin(fleet({"replicas": replicas}, kubernetes={"dev": {"max_replicas": most}}))
    bounds = twin.pools["small"].replicas
    assert (bounds.min, bounds.max, bounds.standby) == expected


def test_a_twin_never_needs_more_nodes_than_there_are():
    spec = fleet({"parallel": {"tensor": 4}, "replicas": {"max": 50}}, kubernetes={"dev": {"max_replicas": 50}})
    assert small_twin(spec).hardware["gpu"].nodes == 6


def test_places_have_namespaces_of_their_own():
    assert ("Namespace", "fleet") in objects(fleet(), "overlays/prod")
    assert ("Namespace", "fleet-dev") in objects(fleet(), "overlays/dev")


@pytest.mark.parametrize(("section", "ours"), [({}, False), ({"create_namespace": True}, True)])
def test_a_namespace_that_the_spec_names_is_somebody_else_s(section, ours):
    spec = fleet(kubernetes={"namespace": "ml-serving"} | section)
    for overlay, name in (("overlays/prod", "ml-serving"), ("overlays/dev", "ml-serving-dev")):
        assert (("Namespace", name) in objects(spec, overlay)) is ours
        assert f"namespace: {name}\n" in render(spec)[f"{overlay}/kustomization.yaml"]


def test_what_outlives_the_fleet_has_a_label():
    kept = {name for name, each in objects(fleet()).items() if "signalbox/kept" in each["metadata"]["labels"]}
    assert {kind for kind, _ in kept} == {"Namespace", "PersistentVolumeClaim"}


def test_dev_has_one_gateway():
    changes = patches(example("h100"), "dev")
    assert changes[f"{CLUSTER}/workerGroupSpecs/1/minReplicas"] == 1
    (app,) = yaml.safe_load(changes["/spec/serveConfigV2"])["applications"]
    assert app["deployments"][0]["num_replicas"] == 1
