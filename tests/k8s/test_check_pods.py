"""Pods, claims and the Ray cluster: what Kubernetes fills in silently, what a fleet needs besides."""

from __future__ import annotations

import pytest
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
    said,
    without,
)
from rendered_fleets import container, fleet, group

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
    assert said(check, l4_overlay(overlay)) == []
    assert said(check, gpu_overlay()) == []


def finds(check, kind, path, value, problem):
    found = said(check, changed(gpu_overlay(), kind, path, value))
    assert any(problem in line for line in found), found


@pytest.mark.parametrize(
    ("kind", "path", "value", "problem"),
    [
        ("NetworkPolicy", "spec podSelectors", {}, "did you mean 'podSelector'"),
        ("NetworkPolicy", "spec ingress 1 ports 0 port", [], "port: found a list of 0: write a value of type"),
        ("NetworkPolicy", "apiVersion", DELETE, "lacks apiVersion, kind or metadata.name"),
        ("NetworkPolicy", "apiVersion", "networking.k8s.io/v9", "has no such kind"),
        ("StatefulSet", "spec serviceName", 5, "write a value of type string, in quotes"),
        ("ServiceAccount", "metadata name", DELETE, "lacks apiVersion, kind or metadata.name"),
        ("Service", "spec ports 0 port", DELETE, "lacks port"),
    ],
)
def test_built_in_kinds(kind, path, value, problem):
    finds(check_built_in_kinds, kind, path, value, problem)


@pytest.mark.parametrize(
    ("kind", "path", "value", "problem"),
    [
        ("RayService", f"{POD} volumes 1 persistentVolumeClaim", DELETE, "found 0 sources"),
        ("RayService", f"{POD} volumes 1 emptyDir", {}, "found 2 sources"),
        ("RayService", f"{BOX} env 0 value", DELETE, "DO_NOT_TRACK has no value"),
        ("RayService", f"{BOX} env 0 value", "", "DO_NOT_TRACK has no value"),
        ("RayService", f"{BOX} readinessProbe httpGet", DELETE, "found 0 handlers"),
        ("RayService", f"{BOX} readinessProbe tcpSocket", {"port": 1}, "found 2 handlers"),
        ("RayService", f"{HEAD_BOX} livenessProbe httpGet path", DELETE, "is missing, which asks for /"),
        ("RayService", f"{BOX} lifecycle", hook("-c", "a && b"), "has shell syntax and no shell in front"),
        ("RayService", f"{BOX} lifecycle", hook("bash", "a && b"), "has shell syntax and no shell in front"),
        ("RayService", f"{BOX} lifecycle", hook("bash", "-c"), "starts a shell with nothing to do"),
        ("RayService", f"{BOX} lifecycle", hook(), "is empty: write the command's words"),
        ("RayService", f"{BOX} resources limits memory", DELETE, "limits.memory: is missing"),
        ("RayService", f"{BOX} resources requests cpu", "64", "requests.cpu: is above its limit"),
        ("RayService", f"{POD} containers +", {"name": "ray-worker"}, "found 'ray-worker' twice"),
        ("StatefulSet", "spec template spec containers 0 command 0", DELETE, "has shell syntax and no shell in front"),
        ("StatefulSet", "spec selector matchLabels", DELETE, "does not select the pods of its own template"),
        ("StatefulSet", "spec volumeClaimTemplates 0 spec accessModes", [], "accessModes: is missing"),
        ("PersistentVolumeClaim", "spec accessModes", DELETE, "accessModes: is missing"),
        ("PersistentVolumeClaim", "spec resources requests storage", "big", "storage: found 'big': write a size"),
        ("Service", "spec ports", [], "ports: is missing"),
        ("Service", "metadata namespace", DELETE, "metadata.namespace: found ''"),
        ("ServiceAccount", "metadata namespace", "other", "metadata.namespace: found 'other': write fleet"),
    ],
)
def test_kubernetes_rules(kind, path, value, problem):
    finds(check_kubernetes_rules, kind, path, value, problem)


def test_an_overlay_has_its_namespace():
    assert "Namespace: found 0" in said(check_kubernetes_rules, without(gpu_overlay(), "Namespace"))[0]


@pytest.mark.parametrize(
    ("path", "value", "problem"),
    [
        (f"{CLUSTER} enableInTreeAutoscaling", DELETE, "pools that grow would find no nodes"),
        (f"{OPTIONS} version", DELETE, "only v2 knows labels"),
        (f"{OPTIONS} resources limits memory", DELETE, "limits: lacks cpu or memory"),
        (f"{GROUP} idleTimeoutSeconds", 60, "found 60 (Ray's default is 60): write kubernetes.idle_timeout_s, 600"),
        (f"{CLUSTER} rayVersion", "2.59.0", "found '2.59.0': the project runs on"),
        (f"{HEAD} rayStartParams num-cpus", DELETE, 'found nothing: write "0"'),
        (f"{HEAD_BOX} ports 1 name", "board", "found nothing as the port named dashboard: write 8265"),
        (f"{HEAD_BOX} ports 0", DELETE, "found nothing as the port named gcs-server"),
        (f"{CLUSTER} gcsFaultToleranceOptions", DELETE, "a lost head takes the fleet with it"),
        (f"{CLUSTER} gcsFaultToleranceOptions redisPassword", DELETE, "names no Secret"),
        ("spec upgradeStrategy", DELETE, "found '', where KubeRay has a default of its own: write NewCluster"),
        (f"{BOX} env 6", {"name": "RAY_worker_niceness", "value": "15"}, "RAY_worker_niceness is '15': write '0'"),
        (f"{BOX} env", [], "lacks HF_HOME, which other nodes of the cluster have"),
        (f"{BOX} env 2 valueFrom secretKeyRef optional", DELETE, "HF_TOKEN keeps pods waiting"),
        (f"{HEAD} rayStartParams object-store-memory", DELETE, "found nothing: write less than the sizeLimit"),
        (f"{GROUP} rayStartParams object-store-memory", "99000000000", "write less than the sizeLimit of /dev/shm"),
        (f"{POD} volumes 0 emptyDir medium", DELETE, "/dev/shm is no memory of a known size"),
        (f"{POD} volumes 0 emptyDir sizeLimit", DELETE, "/dev/shm is no memory of a known size"),
    ],
)  # fmt: skip
def test_ray_cluster(path, value, problem):
    finds(check_ray_cluster, "RayService", path, value, problem)


@pytest.mark.parametrize(
    ("path", "value", "problem"),
    [
        (f"{GROUP} labels signalbox/hardware", "gqu", "where pools look for a name of hardware: did you mean 'gpu'"),
        (f"{GROUP} labels", DELETE, "no group has the label signalbox/hardware: gpu"),
        (f"{GROUP} maxReplicas", DELETE, "which means two thousand million pods"),
        (f"{GROUP} maxReplicas", 3, "found 3 of 1 pods: the spec has 2 nodes"),
        (f"{GROUP} maxReplicas", 0, "no pod would ever start"),
        (f"{GROUP} minReplicas", DELETE, "minReplicas: is missing"),
        (f"{GROUP} resources accelerator_type:L4", DELETE, "without it Ray never launches this group"),
        (f"{GROUP} resources GPU", "2", "resources.GPU: found 2: a node has 4 devices"),
        (f"{BOX} resources limits nvidia.com/gpu", "3", "found '3' of nvidia.com/gpu: a node has 4 devices"),
        (f"{BOX} resources limits cpu", "3", "each rank takes a CPU, write at least 4"),
        (f"{POD} nodeSelector", DELETE, "the spec asks for {'signalbox/hardware': 'gpu'}"),
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
        ("RayService", f"{CONTEXT} runAsNonRoot", DELETE, "runAsNonRoot: found nothing: write true"),
        ("RayService", f"{CONTEXT} runAsUser", DELETE, "write the user's number"),
        ("RayService", f"{CONTEXT} runAsUser", 0, "write the user's number"),
        ("RayService", f"{CONTEXT} seccompProfile", DELETE, "seccompProfile: is missing"),
        ("RayService", f"{CONTEXT} fsGroup", DELETE, "fsGroup: is missing"),
        ("RayService", f"{OWN} allowPrivilegeEscalation", DELETE, "Escalation: found nothing: write false"),
        ("RayService", f"{OWN} capabilities drop", ["NET_RAW"], 'write ["ALL"]'),
        ("RayService", f"{OWN} privileged", True, "privileged: found true"),
        ("RayService", f"{OPTIONS} securityContext", DELETE, "autoscalerOptions.securityContext.allow"),
        ("RayService", f"{POD} hostNetwork", True, "hostNetwork: shares the machine's own"),
        ("RayService", f"{POD} automountServiceAccountToken", DELETE, "hands Kubernetes' token to engines"),
        ("RayService", f"{POD} serviceAccountName", DELETE, "serviceAccountName: is missing"),
        ("RayService", f"{BOX} image", "org/signalbox", "found 'org/signalbox': write a tag"),
        ("RayService", f"{BOX} image", "host:5000/signalbox:latest", "write a tag"),
        ("RayService", f"{CLUSTER} authOptions", DELETE, "found nothing: write token"),
        ("RayService", f"{BOX} env +", {"name": "RAY_AUTH_MODE", "value": "disabled"}, "sets RAY_AUTH_MODE"),
        ("StatefulSet", "spec template spec securityContext fsGroup", DELETE, "fsGroup: is missing"),
        ("Namespace", "metadata labels pod-security.kubernetes.io/enforce", DELETE, "found '': write restricted"),
    ],
)  # fmt: skip
def test_security(kind, path, value, problem):
    finds(check_security, kind, path, value, problem)


def test_an_image_may_be_named_by_its_digest():
    named = changed(gpu_overlay(), "RayService", f"{BOX} image", f"org/signalbox@sha256:{'0' * 64}")
    assert said(check_security, named) == []


@pytest.mark.parametrize(
    ("path", "value", "problem"),
    [
        (
            f"{POD} terminationGracePeriodSeconds",
            DELETE,
            "found nothing (Kubernetes' default is 30): a stream",
        ),
        (f"{POD} terminationGracePeriodSeconds", 600, "gateway.request_timeout_s, 600 s; write more than that"),
        ("spec rayClusterDeletionDelaySeconds", 60, "found 60 (KubeRay's default is 60"),
        (f"{POD} terminationGracePeriodSeconds", 700, "found 700: Ray drains for 720 s"),
        (f"{BOX} env {DRAINS}", DELETE, "found nothing (Ray's default is 30)"),
        (f"{BOX} env {DRAINS} value", "600", "found 600.0 (Ray's default is 30): a stream may take"),
        (f"{BOX} env {DRAINS} value", "long", "found nothing (Ray's default is 30)"),
    ],
)
def test_grace_that_is_shorter_than_streams(path, value, problem):
    finds(check_graceful_termination, "RayService", path, value, problem)


def test_serve_s_own_patience_counts_as_well(monkeypatch):
    monkeypatch.setattr("k8s.checks.streams.shutdown_times", lambda spec: {"small": 20.0, "gateway": 600.0})
    (found,) = said(check_graceful_termination, gpu_overlay())
    assert "deployment small graceful_shutdown_timeout_s: found 20.0 (Serve's default is 20)" in found


@pytest.mark.parametrize(
    ("path", "value", "problem"),
    [
        (f"{BOX} ports 1 containerPort", 8001, "found 8001 as the port named serve"),
        (f"{HEAD_BOX} ports 5", DELETE, "found none as the port named serve"),
        (f"{BOX} readinessProbe httpGet path", "/api/healthz", "does not ask Serve's proxy"),
        (f"{BOX} readinessProbe httpGet port", 8001, "asks another port than gateway.port"),
    ],
)
def test_probes(path, value, problem):
    finds(check_probes, "RayService", path, value, problem)


def test_kuberay_s_own_probe_will_do():
    assert said(check_probes, changed(gpu_overlay(), "RayService", f"{BOX} readinessProbe")) == []


@pytest.mark.parametrize(
    ("written", "number"),
    [("8", 8), (8, 8), ("500m", 0.5), ("16Gi", 2**34), ("1.5k", 1500), ("", None), (None, None), ("8 Gi", None)],
)
def test_quantities(written, number):
    assert quantity(written) == number
