"""What prod adds and dev takes away."""

from __future__ import annotations

import pytest
import yaml
from rendered_fleets import example, fleet, objects, patches

from k8s.overlays import small_twin

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
    spec = fleet(kubernetes={"namespace": "llm"})
    assert ("Namespace", "llm") in objects(spec, "overlays/prod")
    assert ("Namespace", "llm-dev") in objects(spec, "overlays/dev")
