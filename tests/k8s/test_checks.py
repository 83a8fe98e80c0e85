"""All checks together: examples pass, and no required line of a manifest can be deleted unnoticed."""

from __future__ import annotations

import re
import shutil
from pathlib import Path

import pytest
from checked_overlays import CRDS, needs_crds
from rendered_fleets import EXAMPLES, example, fleet

from k8s import checks
from k8s.checks import BuildFailed, check, check_overlay, deployed_spec
from k8s.checks.finding import Finding
from k8s.checks.kustomize import build_here
from k8s.checks.objects import Manifest
from k8s.checks.rendered import Rendered
from k8s.errors import RenderError
from k8s.render import render, write

SPEC = example("l4")

# File and line; a number selects one of several equal lines.
REQUIRED_LINES = """
base/ray-service.yaml: rayClusterDeletionDelaySeconds: 660
base/ray-service.yaml: type: NewCluster
base/ray-service.yaml: serveConfigV2: |
base/ray-service.yaml: proxy_location: EveryNode
base/ray-service.yaml: host: 0.0.0.0
base/ray-service.yaml: import_path: deployments.app:build
base/ray-service.yaml: policy_function: deployments.scaling.policy:FleetScaling
base/ray-service.yaml: rayVersion: 2.60.0
base/ray-service.yaml: mode: token
base/ray-service.yaml: enableInTreeAutoscaling: true
base/ray-service.yaml: version: v2
base/ray-service.yaml: allowPrivilegeEscalation: false
base/ray-service.yaml: num-cpus: '0'
base/ray-service.yaml: signalbox/fleet: signalbox (2)
base/ray-service.yaml: serviceAccountName: signalbox-head
base/ray-service.yaml: serviceAccountName: signalbox-worker
base/ray-service.yaml: automountServiceAccountToken: false
base/ray-service.yaml: terminationGracePeriodSeconds: 780
base/ray-service.yaml: runAsNonRoot: true
base/ray-service.yaml: runAsUser: 1000
base/ray-service.yaml: fsGroup: 100
base/ray-service.yaml: image: signalbox:0.1.0
base/ray-service.yaml: name: dashboard
base/ray-service.yaml: name: serve
base/ray-service.yaml: - name: RAY_SERVE_THROUGHPUT_OPTIMIZED
base/ray-service.yaml: memory: 16Gi (2)
base/ray-service.yaml: - name: shared-mem
base/ray-service.yaml: mountPath: /dev/shm
base/ray-service.yaml: mountPath: /models
base/ray-service.yaml: medium: Memory
base/ray-service.yaml: sizeLimit: 17Gi
base/ray-service.yaml: claimName: signalbox-weights
base/ray-service.yaml: - groupName: l4-eight
base/ray-service.yaml: minReplicas: 0
base/ray-service.yaml: maxReplicas: 2
base/ray-service.yaml: signalbox/hardware: l4-eight
base/ray-service.yaml: accelerator_type:L4: '1'
base/ray-service.yaml: object-store-memory: '500000000'
base/ray-service.yaml: - key: nvidia.com/gpu
base/ray-service.yaml: operator: Exists
base/ray-service.yaml: nvidia.com/gpu: '8' (2)
base/ray-service.yaml: path: /-/healthz
base/ray-service.yaml: - name: RAY_GRACEFUL_SHUTDOWN_DRAIN_TIMEOUT_S
base/ray-service.yaml: value: '720'
base/ray-service.yaml: value: '10'
base/ray-service.yaml: ray.io/gcs-ft-deletion-timeout: '1080'
base/ray-service.yaml: signalbox/role: gateway
base/ray-service.yaml: signalbox/role: gateway (2)
base/ray-service.yaml: max_replicas_per_node: 1
base/ray-service.yaml: enableServiceLinks: false
base/network-policy.yaml: signalbox/fleet: signalbox (2)
base/network-policy.yaml: - port: 8000
base/network-policy.yaml: - port: 8265
base/network-policy.yaml: - port: 8080
overlays/prod/pod-monitors.yaml: release: prometheus
overlays/prod/pod-monitors.yaml: ray.io/node-type: head
overlays/prod/pod-monitors.yaml: - port: metrics
overlays/prod/rules.yaml: release: prometheus
overlays/prod/rules.yaml: - alert: SignalboxAvailabilityBurnsFast
base/service-accounts.yaml: name: signalbox-worker
base/volumes.yaml: - ReadWriteMany
base/volumes.yaml: storage: 500Gi
overlays/prod/kustomization.yaml: - rules.yaml
base/kustomization.yaml: - network-policy.yaml
overlays/prod/kustomization.yaml: - ../../base
overlays/prod/kustomization.yaml: - disruption-budgets.yaml
overlays/prod/kustomization.yaml: namespace: signalbox
overlays/prod/kustomization.yaml: - path: ray-service-patch.yaml
overlays/prod/disruption-budgets.yaml: minAvailable: 1
overlays/prod/disruption-budgets.yaml: signalbox/role: gateway
overlays/prod/namespace.yaml: pod-security.kubernetes.io/enforce: restricted
overlays/prod/ray-service-patch.yaml: redisAddress: signalbox-redis:6379
overlays/prod/ray-service-patch.yaml: key: password
overlays/prod/redis.yaml: signalbox/redis: signalbox
overlays/prod/redis.yaml: - containerPort: 6379
overlays/prod/redis.yaml: mountPath: /data
overlays/prod/redis.yaml: storage: 2Gi
""".strip().splitlines()


@pytest.fixture(scope="module")
def files():
    return render(SPEC)


@needs_crds
@pytest.mark.parametrize("name", sorted(path.stem for path in EXAMPLES.glob("*.yaml")))
def test_every_example_passes_all_checks(tmp_path, name):
    spec = example(name)
    try:
        write(render(spec), tmp_path)
    except RenderError as error:
        pytest.skip(f"not for Kubernetes: {error}")
    report = check(tmp_path, spec, CRDS)
    assert [str(finding) for finding in report.findings] == []
    assert report.ok
    assert report.skipped.keys() <= {"dockerfile", "built-in kinds"}
    assert {*report.ran, *report.skipped} == {"kustomize", *checks.CHECKS, "dockerfile"}


def found_in(folder):
    """What the checks find in the overlay for production, built in this process."""
    try:
        bodies = build_here(folder / "overlays" / "prod")
    except BuildFailed as error:
        return [Finding("kustomize", "overlays/prod", str(error))]
    manifests = tuple(map(Manifest, bodies))
    rendered = Rendered("prod", manifests, deployed_spec(SPEC, "prod"), CRDS if CRDS.is_dir() else None)
    return [*checks._folder_findings(folder, [folder / "overlays" / "prod"]), *check_overlay(rendered)[0]]


def test_untouched_files_have_no_finding(files, tmp_path):
    write(files, tmp_path)
    assert found_in(tmp_path) == []


@pytest.mark.parametrize("case", REQUIRED_LINES)
def test_no_required_line_can_be_deleted_unnoticed(files, tmp_path, case):
    name, wanted, turn = re.fullmatch(r"(\S+): (.*?)(?: \((\d)\))?", case).groups()
    lines = files[name].splitlines()
    number = [index for index, line in enumerate(lines) if line.strip() == wanted][int(turn or 1) - 1]
    write(files | {name: "\n".join(lines[:number] + lines[number + 1 :]) + "\n"}, tmp_path)
    assert found_in(tmp_path), f"{name} without line {number + 1}, '{wanted}', passes"


def test_a_finding_says_in_which_overlay_it_is(files, tmp_path):
    write(files, tmp_path)
    broken = files["overlays/dev/kustomization.yaml"].replace("namespace: signalbox-dev\n", "")
    (tmp_path / "overlays" / "dev" / "kustomization.yaml").write_text(broken)
    report = check(tmp_path, SPEC)
    assert not report.ok
    lines = [str(finding) for finding in report.findings]
    wanted = "kubernetes rules: overlays/dev: base/ray-service.yaml RayService/signalbox metadata.namespace: invalid"
    assert any(line.startswith(wanted) for line in lines), lines
    assert "crd schemas" in report.skipped
    assert "crd schemas" not in report.ran


def test_a_finding_of_all_overlays_is_said_once(files, tmp_path):
    broken = files["base/ray-service.yaml"].replace("rayVersion: 2.60.0", "rayVersion: 2.59.0")
    write(files | {"base/ray-service.yaml": broken}, tmp_path)
    (finding,) = check(tmp_path, SPEC).findings
    assert finding.where == "base/ray-service.yaml RayService/signalbox spec.rayClusterConfig.rayVersion"


def test_a_folder_without_overlays(tmp_path):
    (finding,) = check(tmp_path, SPEC).findings
    assert "has no overlays/*/kustomization.yaml, render into it first" in finding.problem


def test_an_overlay_that_cannot_be_built(files, tmp_path):
    write(files, tmp_path)
    shutil.rmtree(tmp_path / "base")
    found = [str(finding) for finding in check(tmp_path, SPEC).findings]
    assert len(found) == 2
    assert all(line.startswith("kustomize: overlays/") and "\n" not in line for line in found)


def test_without_the_schemas_of_kubernetes_the_rest_is_checked(tmp_path, monkeypatch):
    spec = fleet()
    write(render(spec), tmp_path)
    monkeypatch.setitem(__import__("sys").modules, "kubernetes_validate", None)
    report = check(Path(tmp_path), spec)
    assert report.ok
    assert "pip install kubernetes-validate" in report.skipped["built-in kinds"]
