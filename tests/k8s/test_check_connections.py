"""References between objects, network access, services and monitoring."""

from __future__ import annotations

import pytest
from checked_overlays import (
    BOX,
    CLUSTER,
    DELETE,
    HEAD,
    HEAD_BOX,
    POD,
    changed,
    gpu_overlay,
    l4_overlay,
    overlay,
    reported,
    without,
)
from rendered_fleets import fleet

from k8s.checks.monitoring import check_monitoring
from k8s.checks.network import check_network
from k8s.checks.references import check_references
from k8s.checks.selectors import selects
from k8s.checks.services import check_services

CHECKS = (check_references, check_network, check_services, check_monitoring)
POLICY = "NetworkPolicy"
RULES = "spec ingress"
EVERYONE = {"namespaceSelector": {}}


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("name", ["dev", "prod"])
def test_untouched_output_passes(check, name):
    assert reported(check, l4_overlay(name)) == []
    assert reported(check, gpu_overlay()) == []


def finds(check, rendered, problem):
    found = reported(check, rendered)
    assert any(problem in line for line in found), found


@pytest.mark.parametrize(
    ("kind", "path", "value", "problem"),
    [
        ("RayService", f"{BOX} env 2 valueFrom secretKeyRef name", "hf-tokn", "unknown Secret 'hf-tokn', use"),
        ("RayService", f"{BOX} env 2 valueFrom secretKeyRef name", DELETE, "secretKeyRef: unknown Secret ''"),
        ("RayService", f"{BOX} envFrom", [{"secretRef": {"name": "mine"}}], "unknown Secret 'mine'"),
        ("RayService", f"{BOX} envFrom", [{"secretRef": {"name": "monitoring"}}], "unknown Secret 'monitoring'"),
        ("RayService", f"{BOX} envFrom", [{"configMapRef": {"name": "mine"}}], "unknown ConfigMap 'mine'"),
        ("RayService", f"{POD} imagePullSecrets", [{"name": "pull"}], "unknown Secret 'pull'"),
        ("RayService", f"{CLUSTER} authOptions secretName", "token", "unknown Secret 'token'"),
        ("RayService", f"{POD} volumes 1 persistentVolumeClaim claimName", "other", "Claim 'other'"),
        ("RayService", f"{POD} volumes 1 name", "other", "mounts 'weights', which is not a volume of the pod"),
        ("RayService", f"{BOX} volumeMounts 1", DELETE, "'weights' is not mounted"),
        ("RayService", f"{HEAD} template spec serviceAccountName", "default", "ServiceAccount/fleet-head: is not used"),
        ("StatefulSet", "spec serviceName", "gone", "spec.serviceName: unknown Service 'gone'"),
    ],
)  # fmt: skip
def test_references(kind, path, value, problem):
    finds(check_references, changed(gpu_overlay(), kind, path, value), problem)


@pytest.mark.parametrize(
    ("kind", "problem"), [("ServiceAccount", "unknown ServiceAccount"), ("Service", "unknown Service")]
)
def test_what_is_named_has_to_be_there(kind, problem):
    finds(check_references, without(gpu_overlay(), kind), problem)


EXPOSED = {"kind": "ingress", "host": "llm.example.com", "tls_secret": "certificate"}


@pytest.mark.parametrize("expose", [EXPOSED, EXPOSED | {"kind": "gateway", "class_name": "istio"}])
def test_ways_in_end_at_the_endpoint(expose):
    exposed = overlay(fleet(kubernetes={"monitoring": {"enabled": False}, "expose": expose}))
    for check in CHECKS:
        assert reported(check, exposed) == []
    if expose["kind"] == "ingress":
        backend = "spec rules 0 http paths 0 backend service"
        finds(check_services, changed(exposed, "Ingress", f"{backend} port number", 80), "leads to ports [80]")
        finds(check_references, changed(exposed, "Ingress", f"{backend} name", "fleet"), "unknown Service 'fleet'")
        finds(check_references, changed(exposed, "Ingress", "spec tls 0 secretName", "cert"), "unknown Secret 'cert'")
    else:
        backend = "spec rules 0 backendRefs 0"
        finds(check_services, changed(exposed, "HTTPRoute", f"{backend} port", 80), "leads to ports [80]")
        finds(check_references, changed(exposed, "HTTPRoute", f"{backend} name", "fleet"), "unknown Service 'fleet'")
        finds(check_references, without(exposed, "Gateway"), "unknown Gateway 'fleet'")


@pytest.mark.parametrize(
    ("path", "value", "problem"),
    [
        ("spec podSelector matchLabels signalbox/fleet", DELETE, "also selects pods of other fleets"),
        ("spec podSelector matchLabels signalbox/fleet", "other", "no NetworkPolicy selects the head group"),
        ("spec podSelector matchLabels signalbox/fleet", "other", "spec.podSelector: selects no pod of the output"),
        ("spec policyTypes", ["Egress"], "no NetworkPolicy selects the worker group gpu"),
        (f"{RULES} 0", DELETE, "blocks the head group from the ports of the worker group gpu"),
        (f"{RULES} 0 from", DELETE, "opens every port to everyone"),
        (f"{RULES} 0 from 0", EVERYONE, "opens every port to everyone"),
        (f"{RULES} 0 from 0 podSelector matchLabels", DELETE, "opens every port to everyone"),
        (f"{RULES} 1", DELETE, "blocks clients from gateway.port (8000)"),
        (f"{RULES} 1 ports 0 port", 8001, "blocks clients from gateway.port (8000)"),
        (f"{RULES} 1 ports +", {"port": 9101}, "opens port 9101, HAProxy's metrics, to everyone"),
        (f"{RULES} 1 ports +", {"port": 8404}, "opens port 8404, HAProxy's statistics, to everyone"),
        (f"{RULES} 2", DELETE, "from the head's port 8265"),
        (f"{RULES} 2 from", DELETE, "opens port 8265, Ray's dashboard"),
        (f"{RULES} 2 from 0 namespaceSelector matchLabels", {"kubernetes.io/metadata.name": "x"}, "blocks KubeRay"),
        (f"{RULES} 3", DELETE, "blocks Prometheus (monitoring) from port 8080"),
        (f"{RULES} 3 ports 1", DELETE, "blocks Prometheus (monitoring) from port 44217 of the head group"),
        (f"{RULES} 3 from", DELETE, "opens port 8080, metrics"),
    ],
)
def test_network_policies(path, value, problem):
    finds(check_network, changed(l4_overlay() if "gpu" not in problem else gpu_overlay(), POLICY, path, value), problem)


def test_redis_is_for_the_head_alone():
    redis = {"name": "redis"}
    finds(check_network, without(gpu_overlay(), POLICY, "redis"), "no NetworkPolicy selects the StatefulSet")
    finds(check_network, changed(gpu_overlay(), POLICY, RULES, [], **redis), "blocks the head from Redis on port 6379")
    finds(check_network, changed(gpu_overlay(), POLICY, f"{RULES} 0 from", DELETE, **redis), "opens port 6379")


@pytest.mark.parametrize(
    ("kind", "path", "value", "problem"),
    [
        ("Service", "spec selector signalbox/redis", "other", "spec.selector: selects no pod"),
        ("Service", "spec ports 0 targetPort", "reddis", "invalid value reddis, where no selected pod listens"),
        (
            "RayService",
            f"{CLUSTER} gcsFaultToleranceOptions redisAddress",
            "gone:6379",
            "where no rendered pod listens",
        ),
        (
            "RayService",
            f"{CLUSTER} gcsFaultToleranceOptions redisAddress",
            "fleet-redis:1",
            "where no rendered pod listens",
        ),
        ("StatefulSet", "spec template spec containers 0 command", DELETE, "accepts anyone's commands"),
        ("StatefulSet", "spec template spec containers 0 env", [], "accepts anyone's commands"),
    ],
)
def test_services(kind, path, value, problem):
    finds(check_services, changed(gpu_overlay(), kind, path, value), problem)


@pytest.mark.parametrize(
    ("kind", "path", "value", "problem"),
    [
        ("PodMonitor", "spec selector matchLabels ray.io/node-type", "heads", "0 PodMonitors select the head group"),
        ("PodMonitor", "spec selector matchLabels ray.io/node-type", "heads", "spec.selector: selects no pod"),
        ("PodMonitor", "spec selector matchLabels ray.io/node-type", DELETE, "2 PodMonitors select the worker group"),
        ("PodMonitor", "spec selector matchLabels ray.io/node-type", DELETE, "selects both the head and workers"),
        ("PodMonitor", "spec selector matchLabels signalbox/fleet", DELETE, "also selects pods of other fleets"),
        ("PodMonitor", "spec selector matchLabels ray.io/cluster", "signalbox", "0 PodMonitors select the head group"),
        ("PodMonitor", "metadata namespace", "monitoring", "0 PodMonitors select the head group"),
        ("PodMonitor", "spec podMetricsEndpoints 0", DELETE, "does not scrape metrics"),
        (
            "PodMonitor",
            "spec podMetricsEndpoints 0 port",
            "metric",
            "invalid value 'metric', which is not a port",
        ),
        ("PodMonitor", "metadata labels release", DELETE, "lacks release: prometheus"),
        ("PrometheusRule", "metadata labels release", "other", "lacks release: prometheus"),
        (
            "PrometheusRule",
            "spec groups 1 rules 0 expr",
            'signalbox:slo_missed:ratio_rate1h{objective="error"} > 0.1',  # as it was before
            'reads signalbox:slo_missed:ratio_rate1h of every fleet, add namespace="signalbox"',
        ),
        (
            "PrometheusRule",
            "spec groups 0 rules 0 expr",
            "sum (ray_signalbox_x)",
            "reads ray_signalbox_x of every fleet",
        ),
        ("ConfigMap", "metadata labels grafana_dashboard", DELETE, 'lacks grafana_dashboard: "1"'),
        ("ConfigMap", "data", {"a.json": "{"}, "data.a.json: is not JSON"),
        ("ConfigMap", "data", {"a.json": "{}"}, "data.a.json: is a dashboard without uid"),
    ],
)
def test_monitoring(kind, path, value, problem):
    finds(check_monitoring, changed(l4_overlay(), kind, path, value), problem)


@pytest.mark.parametrize("kind", ["PodMonitor", "PrometheusRule", "ConfigMap"])
def test_what_watches_is_there(kind):
    finds(check_monitoring, without(l4_overlay(), kind), kind)


def test_the_head_s_ports_are_those_that_are_read():
    finds(check_monitoring, changed(l4_overlay(), "RayService", f"{HEAD_BOX} ports 3"), "invalid value 'as-metrics'")


@pytest.mark.parametrize(
    ("selector", "matches"),
    [
        ({}, True),
        ({"matchLabels": {"a": "1"}}, True),
        ({"matchLabels": {"a": "2"}}, False),
        ({"matchExpressions": [{"key": "a", "operator": "In", "values": ["1", "2"]}]}, True),
        ({"matchExpressions": [{"key": "a", "operator": "NotIn", "values": ["1"]}]}, False),
        ({"matchExpressions": [{"key": "b", "operator": "Exists"}]}, False),
        ({"matchExpressions": [{"key": "b", "operator": "DoesNotExist"}]}, True),
        ({"matchExpressions": [{"key": "a", "operator": "Like"}]}, False),
    ],
)
def test_label_selectors(selector, matches):
    assert selects(selector, {"a": "1"}) is matches
