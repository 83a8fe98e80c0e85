"""Pods, claims and the Ray cluster: what Kubernetes fills in silently, and what a fleet needs."""

from __future__ import annotations

from dataclasses import replace

import pytest
import yaml
from checked_overlays import (
    BOX,
    CLUSTER,
    DELETE,
    GROUP,
    HEAD,
    HEAD_BOX,
    POD,
    changed,
    gpu_overlay,
    l4_overlay,
    reported,
    without,
)
from rendered_fleets import container, fleet, group

from deployments.config import KUBERNETES, serve_config
from k8s.checks.builtin import check_built_in_kinds
from k8s.checks.kubernetes_rules import check_kubernetes_rules
from k8s.checks.probes import check_probes
from k8s.checks.quantity import quantity
from k8s.checks.ray_cluster import check_ray_cluster
from k8s.checks.security import check_security
from k8s.checks.streams import check_graceful_termination
from k8s.checks.worker_groups import check_worker_groups

CHECKS = (
    check_built_in_kinds,
    check_kubernetes_rules,
    check_probes,
    check_ray_cluster,
    check_security,
    check_graceful_termination,
    check_worker_groups,
)  # fmt: skip
CONTEXT = f"{POD} securityContext"
OWN = f"{BOX} securityContext"
DRAINS = [each["name"] for each in container(group(fleet()))["env"]].index("RAY_GRACEFUL_SHUTDOWN_DRAIN_TIMEOUT_S")


def hook(*command):
    return {"preStop": {"exec": {"command": list(command)}}}


OPTIONS = f"{CLUSTER} autoscalerOptions"


@pytest.mark.parametrize("check", CHECKS)
@pytest.mark.parametrize("overlay", ["dev", "prod"])
def test_untouched_output_passes(check, overlay):
    assert reported(check, l4_overlay(overlay)) == []
    assert reported(check, gpu_overlay()) == []


def finds(check, kind, path, value, problem):
    found = reported(check, changed(gpu_overlay(), kind, path, value))
    assert any(problem in line for line in found), found


@pytest.mark.parametrize(
    ("kind", "path", "value", "problem"),
    [
        ("NetworkPolicy", "spec podSelectors", {}, "did you mean 'podSelector'"),
        ("NetworkPolicy", "spec ingress 1 ports 0 port", [], "port: invalid value a list of 0, use a value of type"),
        ("NetworkPolicy", "apiVersion", DELETE, "lacks apiVersion, kind or metadata.name"),
        ("NetworkPolicy", "apiVersion", "networking.k8s.io/v9", "does not have this kind"),
        ("StatefulSet", "spec serviceName", 5, "use a value of type string, in quotes"),
        ("ServiceAccount", "metadata name", DELETE, "lacks apiVersion, kind or metadata.name"),
        ("Service", "spec ports 0 port", DELETE, "lacks port"),
    ],
)
def test_built_in_kinds(kind, path, value, problem):
    finds(check_built_in_kinds, kind, path, value, problem)


@pytest.mark.parametrize(
    ("kind", "path", "value", "problem"),
    [
        ("RayService", f"{POD} volumes 1 persistentVolumeClaim", DELETE, "has 0 sources"),
        ("RayService", f"{POD} volumes 1 emptyDir", {}, "has 2 sources"),
        ("RayService", f"{BOX} env 0 value", DELETE, "DO_NOT_TRACK has no value"),
        ("RayService", f"{BOX} env 0 value", "", "DO_NOT_TRACK has no value"),
        ("RayService", f"{BOX} readinessProbe httpGet", DELETE, "has 0 handlers"),
        ("RayService", f"{BOX} readinessProbe tcpSocket", {"port": 1}, "has 2 handlers"),
        ("RayService", f"{HEAD_BOX} livenessProbe httpGet path", DELETE, "is missing and defaults to /"),
        ("RayService", f"{BOX} lifecycle", hook("-c", "a && b"), "has shell syntax but no shell"),
        ("RayService", f"{BOX} lifecycle", hook("bash", "a && b"), "has shell syntax but no shell"),
        ("RayService", f"{BOX} lifecycle", hook("bash", "-c"), "starts a shell without a script"),
        ("RayService", f"{BOX} lifecycle", hook(), "is empty, set the command's words"),
        ("RayService", f"{BOX} resources limits memory", DELETE, "limits.memory: is missing"),
        ("RayService", f"{BOX} resources requests cpu", "64", "requests.cpu: is above its limit"),
        ("RayService", f"{POD} containers +", {"name": "ray-worker"}, "repeats 'ray-worker'"),
        ("StatefulSet", "spec template spec containers 0 command 0", DELETE, "has shell syntax but no shell"),
        ("StatefulSet", "spec selector matchLabels", DELETE, "does not select the pods of its template"),
        ("StatefulSet", "spec volumeClaimTemplates 0 spec accessModes", [], "accessModes: is missing"),
        ("PersistentVolumeClaim", "spec accessModes", DELETE, "accessModes: is missing"),
        ("PersistentVolumeClaim", "spec resources requests storage", "big", "storage: invalid value 'big', use a size"),
        ("Service", "spec ports", [], "ports: is missing"),
        ("Service", "metadata namespace", DELETE, "metadata.namespace: invalid value ''"),
        ("ServiceAccount", "metadata namespace", "other", "metadata.namespace: invalid value 'other', use fleet"),
    ],
)
def test_kubernetes_rules(kind, path, value, problem):
    finds(check_kubernetes_rules, kind, path, value, problem)


def test_an_overlay_has_its_namespace():
    assert "Namespace: has 0 objects" in reported(check_kubernetes_rules, without(gpu_overlay(), "Namespace"))[0]


def test_a_namespace_of_others_is_not_rendered():
    """It was: `kubectl delete -k` deleted it with everything in it."""
    spec = fleet(kubernetes={"namespace": "fleet", "monitoring": {"enabled": False}})
    theirs = replace(gpu_overlay(), spec=spec)
    (found,) = reported(check_kubernetes_rules, theirs)
    assert "Namespace/fleet: exists without the fleet: `kubectl delete -k` would delete it" in found
    assert reported(check_kubernetes_rules, without(theirs, "Namespace")) == []


@pytest.mark.parametrize(
    ("path", "value", "problem"),
    [
        (f"{CLUSTER} enableInTreeAutoscaling", DELETE, "or pools find no nodes when they scale up"),
        (f"{OPTIONS} version", DELETE, "only v2 supports labels"),
        (f"{OPTIONS} resources limits memory", DELETE, "limits: lacks cpu or memory"),
        (f"{GROUP} idleTimeoutSeconds", 60, "invalid value 60, use kubernetes.idle_timeout_s, 600"),
        (f"{CLUSTER} rayVersion", "2.59.0", "invalid value '2.59.0', use "),
        (f"{HEAD} rayStartParams num-cpus", DELETE, 'is missing, use "0"'),
        (f"{HEAD_BOX} ports 1 name", "board", "the port named dashboard is missing, use 8265"),
        (f"{HEAD_BOX} ports 0", DELETE, "the port named gcs-server is missing"),
        (f"{CLUSTER} gcsFaultToleranceOptions", DELETE, "or losing the head ends the fleet"),
        (f"{CLUSTER} gcsFaultToleranceOptions redisPassword", DELETE, "names no Secret"),
        ("spec upgradeStrategy", DELETE, "invalid value '', use NewCluster"),
        (f"{BOX} env 6", {"name": "RAY_worker_niceness", "value": "15"}, "RAY_worker_niceness is '15', use '0'"),
        (f"{BOX} env", [], "lacks HF_HOME, set it as on the other nodes of the cluster"),
        (f"{BOX} env 2 valueFrom secretKeyRef optional", DELETE, "HF_TOKEN blocks pods"),
        (f"{HEAD} rayStartParams object-store-memory", DELETE, "is missing, use less than the sizeLimit"),
        (f"{GROUP} rayStartParams object-store-memory", "99000000000", "use less than the sizeLimit of /dev/shm"),
        (f"{POD} volumes 0 emptyDir medium", DELETE, "/dev/shm has no known size"),
        (f"{POD} volumes 0 emptyDir sizeLimit", DELETE, "/dev/shm has no known size"),
    ],
)  # fmt: skip
def test_ray_cluster(path, value, problem):
    finds(check_ray_cluster, "RayService", path, value, problem)


@pytest.mark.parametrize(
    ("path", "value", "problem"),
    [
        (f"{GROUP} labels signalbox/hardware", "gqu", "unknown hardware 'gqu', did you mean 'gpu'"),
        (f"{GROUP} labels", DELETE, "no group has the label signalbox/hardware: gpu"),
        (f"{GROUP} maxReplicas", DELETE, "defaults to two billion pods"),
        (f"{GROUP} maxReplicas", 3, "invalid value 3 with 1 pods each, use at most the spec's 2 nodes"),
        (f"{GROUP} maxReplicas", 0, "or no pod starts"),
        (f"{GROUP} minReplicas", DELETE, "minReplicas: is missing"),
        (f"{GROUP} resources accelerator_type:L4", DELETE, "or Ray never launches this group"),
        (f"{GROUP} resources GPU", "2", "resources.GPU: invalid value '2', use all 4 devices"),
        (f"{BOX} resources limits nvidia.com/gpu", "3", "nvidia.com/gpu: invalid value '3', use all 4 devices"),
        (f"{BOX} resources limits cpu", "3", "use at least 4: each rank needs a CPU"),
        (f"{POD} nodeSelector", DELETE, "use {'signalbox/hardware': 'gpu'} as in the spec"),
        (f"{POD} tolerations", DELETE, "does not tolerate nvidia.com/gpu"),
        (f"{POD} tolerations 0 operator", DELETE, "does not tolerate nvidia.com/gpu"),
        (f"{BOX} volumeMounts 0", DELETE, "mounts nothing at /dev/shm"),
    ],
)  # fmt: skip
def test_worker_groups(path, value, problem):
    finds(check_worker_groups, "RayService", path, value, problem)


@pytest.mark.parametrize(
    ("kind", "path", "value", "problem"),
    [
        ("RayService", f"{CONTEXT} runAsNonRoot", DELETE, "runAsNonRoot: is missing, use true"),
        ("RayService", f"{CONTEXT} runAsUser", DELETE, "use the user's number"),
        ("RayService", f"{CONTEXT} runAsUser", 0, "use the user's number"),
        ("RayService", f"{CONTEXT} seccompProfile", DELETE, "seccompProfile: is missing"),
        ("RayService", f"{CONTEXT} fsGroup", DELETE, "fsGroup: is missing"),
        ("RayService", f"{OWN} allowPrivilegeEscalation", DELETE, "Escalation: is missing, use false"),
        ("RayService", f"{OWN} capabilities drop", ["NET_RAW"], 'use ["ALL"]'),
        ("RayService", f"{OWN} privileged", True, "privileged: invalid value true"),
        ("RayService", f"{OPTIONS} securityContext", DELETE, "autoscalerOptions.securityContext.allow"),
        ("RayService", f"{POD} hostNetwork", True, "hostNetwork: shares the machine's namespace"),
        ("RayService", f"{POD} automountServiceAccountToken", DELETE, "gives Kubernetes' token to engines"),
        ("RayService", f"{POD} serviceAccountName", DELETE, "serviceAccountName: is missing"),
        ("RayService", f"{BOX} image", "org/signalbox", "invalid value 'org/signalbox', use a tag"),
        ("RayService", f"{BOX} image", "host:5000/signalbox:latest", "use a tag"),
        ("RayService", f"{CLUSTER} authOptions", DELETE, "is missing, use token"),
        ("RayService", f"{BOX} env +", {"name": "RAY_AUTH_MODE", "value": "disabled"}, "sets RAY_AUTH_MODE"),
        ("StatefulSet", "spec template spec securityContext fsGroup", DELETE, "fsGroup: is missing"),
        ("Namespace", "metadata labels pod-security.kubernetes.io/enforce", DELETE, "invalid value '', use restricted"),
    ],
)  # fmt: skip
def test_security(kind, path, value, problem):
    finds(check_security, kind, path, value, problem)


def test_an_image_may_be_named_by_its_digest():
    named = changed(gpu_overlay(), "RayService", f"{BOX} image", f"org/signalbox@sha256:{'0' * 64}")
    assert reported(check_security, named) == []


@pytest.mark.parametrize(
    ("path", "value", "problem"),
    [
        (
            f"{POD} terminationGracePeriodSeconds",
            DELETE,
            "is missing, use more than gateway.request_timeout_s, 600 s (Kubernetes' default is 30)",
        ),
        (f"{POD} terminationGracePeriodSeconds", 600, "use more than gateway.request_timeout_s, 600 s"),
        ("spec rayClusterDeletionDelaySeconds", 60, "600 s (KubeRay's default is 60"),
        (f"{POD} terminationGracePeriodSeconds", 700, "invalid value 700, use more than Ray's drain time, 720 s"),
        (f"{BOX} env {DRAINS}", DELETE, "600 s (Ray's default is 30)"),
        (f"{BOX} env {DRAINS} value", "600", "invalid value 600.0, use more than gateway.request"),
        (f"{BOX} env {DRAINS} value", "long", "is missing, use more than gateway.request"),
        (f"{HEAD_BOX} env {DRAINS} value", "720", "use at most 15 s: nothing scales until the head is replaced"),
        (f"{HEAD_BOX} env {DRAINS}", DELETE, "is missing, use at most 15 s"),
        (f"{HEAD} template spec terminationGracePeriodSeconds", DELETE, "is missing, use more than the head's drain"),
        (f"{HEAD} template spec terminationGracePeriodSeconds", 10, "use more than the head's drain time, 10 s"),
        (
            "metadata annotations ray.io/gcs-ft-deletion-timeout",
            DELETE,
            "use more than the longest grace period, 780 s",
        ),
        ("metadata annotations ray.io/gcs-ft-deletion-timeout", "780", "or the cluster's state stays in Redis"),
    ],
)
def test_grace_that_is_shorter_than_streams(path, value, problem):
    finds(check_graceful_termination, "RayService", path, value, problem)


@pytest.mark.parametrize(
    ("grace_s", "problem"), [(20.0, "invalid value 20.0, use more"), (None, "is missing, use more")]
)
def test_serve_s_own_patience_counts_as_well(grace_s, problem):
    config = serve_config(gpu_overlay().spec, KUBERNETES)
    small = config["applications"][0]["deployments"][1]
    small["graceful_shutdown_timeout_s"] = grace_s
    overlay = changed(gpu_overlay(), "RayService", "spec serveConfigV2", yaml.safe_dump(config))
    (found,) = reported(check_graceful_termination, overlay)
    assert f"deployments.{small['name']}.graceful_shutdown_timeout_s: {problem}" in found


@pytest.mark.parametrize(
    ("path", "value", "problem"),
    [
        (f"{BOX} ports 1 containerPort", 8001, "the port named serve is 8001"),
        (f"{HEAD_BOX} ports 5", DELETE, "the port named serve is missing"),
        (f"{BOX} readinessProbe httpGet path", "/api/healthz", "does not check Serve's proxy"),
        (f"{BOX} readinessProbe httpGet port", 8001, "checks the wrong port, use gateway.port"),
    ],
)
def test_probes(path, value, problem):
    finds(check_probes, "RayService", path, value, problem)


def test_kuberay_s_own_probe_will_do():
    assert reported(check_probes, changed(gpu_overlay(), "RayService", f"{BOX} readinessProbe")) == []


@pytest.mark.parametrize(
    ("written", "number"),
    [("8", 8), (8, 8), ("500m", 0.5), ("16Gi", 2**34), ("1.5k", 1500), ("", None), (None, None), ("8 Gi", None)],
)
def test_quantities(written, number):
    assert quantity(written) == number
