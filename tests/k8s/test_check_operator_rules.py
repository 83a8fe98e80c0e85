"""What KubeRay refuses, one mistake at a time."""

from __future__ import annotations

import pytest
from checked_overlays import BOX, CLUSTER, DELETE, GROUP, HEAD, HEAD_BOX, POD, changed, gpu_overlay, said

from k8s.checks.operator_rules import check_operator_rules

GATED = "feature gate"
UPGRADE = "spec upgradeStrategy"
INCREMENTAL = {
    "type": "NewClusterWithIncrementalUpgrade",
    "clusterUpgradeOptions": {"gatewayClassName": "istio", "stepSizePercent": 10, "intervalSeconds": 60},
}


def upgrade(**options):
    return {**INCREMENTAL, "clusterUpgradeOptions": {**INCREMENTAL["clusterUpgradeOptions"], **options}}


def test_untouched_output_passes():
    assert said(check_operator_rules, gpu_overlay()) == []
    assert said(check_operator_rules, changed(gpu_overlay(), "RayService", UPGRADE, INCREMENTAL)) == []


@pytest.mark.parametrize(
    ("path", "value", "problem"),
    [
        ("metadata name", "x" * 48, "write at most 47"),
        ("metadata name", "1st", "a letter first"),
        ("metadata annotations ray.io/initializing-timeout", "soon", "write such as 30m"),
        ("metadata annotations ray.io/initializing-timeout", "0", "write such as 30m"),
        ("spec rayClusterDeletionDelaySeconds", -1, "found -1: write 0 or more"),
        (f"{HEAD} headService metadata name", "mine", "is the operator's"),
        (f"{UPGRADE} type", "Rolling", "found 'Rolling': write one of NewCluster"),
        (UPGRADE, upgrade(gatewayClassName=""), "gatewayClassName: is missing"),
        (UPGRADE, upgrade(stepSizePercent=60, maxSurgePercent=50), "stepSizePercent: found 60: write 0 to maxSurge"),
        (UPGRADE, upgrade(maxSurgePercent=101), "maxSurgePercent: found 101"),
        (UPGRADE, upgrade(intervalSeconds=0), "intervalSeconds: found 0"),
        (UPGRADE, {"type": INCREMENTAL["type"]}, "stepSizePercent: found nothing"),
        (f"{GROUP} groupName", "", "found '': write a name that no other group has"),
        (f"{GROUP} minReplicas", 3, "minReplicas: found 3, above maxReplicas (2)"),
        (f"{GROUP} minReplicas", -1, "minReplicas: found -1: write 0 or more"),
        (f"{GROUP} maxReplicas", -2, "maxReplicas: found -2: write 0 or more"),
        (f"{GROUP} suspend", True, "suspend: found true"),
        (f"{GROUP} idleTimeoutSeconds", -1, "idleTimeoutSeconds: found -1"),
        (f"{GROUP} rayStartParams num-gpus", 4, 'found 4: write a string, "4"'),
        (f"{GROUP} rayStartParams num-gpus", "4", "stands beside the group's `resources`"),
        (f"{GROUP} rayStartParams labels", "a=b", "is not read"),
        (f"{GROUP} labels bad!key", "x", "is no label key"),
        (f"{GROUP} labels a/b/c", "x", "is no label key"),
        (f"{GROUP} labels ok", "has space", "write at most 63 letters"),
        (f"{POD} containers", [], "the first container runs Ray"),
        (f"{POD} restartPolicy", "Always", "found 'Always': autoscaler v2 needs Never"),
        (f"{BOX} env +", {"name": "RAY_CLUSTER_NAME", "value": "x"}, "sets RAY_CLUSTER_NAME"),
        (f"{CLUSTER} autoscalerOptions version", "v1", "idleTimeoutSeconds: needs autoscaler v2"),
        (f"{CLUSTER} autoscalerOptions idleTimeoutSeconds", -5, "autoscalerOptions.idleTimeoutSeconds: found -5"),
        (f"{HEAD_BOX} env +", {"name": "RAY_enable_autoscaler_v2", "value": "1"}, "keep the version alone"),
        (f"{HEAD_BOX} env +", {"name": "RAY_REDIS_ADDRESS", "value": "x"}, "sets RAY_REDIS_ADDRESS"),
        (f"{HEAD_BOX} env +", {"name": "REDIS_USERNAME", "value": "x"}, "sets REDIS_USERNAME"),
        (f"{HEAD_BOX} env +", {"name": "REDIS_PASSWORD", "value": "x"}, "holds Redis' password"),
        (f"{HEAD} rayStartParams redis-password", "x", "holds Redis' password"),
        (f"{CLUSTER} gcsFaultToleranceOptions redisAddress", DELETE, "redisAddress: is missing"),
        (f"{CLUSTER} gcsFaultToleranceOptions backend", "rocksdb", GATED),
        (f"{CLUSTER} gcsFaultToleranceOptions storage", {"size": "1Gi"}, "is rocksdb's alone"),
        (f"{CLUSTER} rayVersion", DELETE, "rayVersion: found nothing: token authentication needs 2.52.0"),
        (f"{CLUSTER} rayVersion", "2.51.9", "rayVersion: found '2.51.9'"),
        (f"{CLUSTER} authOptions enableK8sTokenAuth", True, "is not for a RayService"),
        (f"{CLUSTER} networkPolicy", {}, GATED),
        (f"{CLUSTER} tlsOptions", {}, GATED),
        (f"{CLUSTER} historyServerOptions", {}, GATED),
    ],
)
def test_mistakes_are_found(path, value, problem):
    found = said(check_operator_rules, changed(gpu_overlay(), "RayService", path, value))
    assert any(problem in line for line in found), found


def test_an_incremental_upgrade_needs_the_autoscaler():
    broken = changed(gpu_overlay(), "RayService", UPGRADE, INCREMENTAL)
    broken = changed(broken, "RayService", f"{CLUSTER} enableInTreeAutoscaling", False)
    assert any("an incremental upgrade needs it" in line for line in said(check_operator_rules, broken))


def test_without_the_autoscaler_groups_need_both_bounds():
    fixed = changed(gpu_overlay(), "RayService", f"{CLUSTER} enableInTreeAutoscaling", False)
    open_ended = changed(fixed, "RayService", f"{GROUP} maxReplicas")
    assert any("needs minReplicas and maxReplicas" in line for line in said(check_operator_rules, open_ended))
    asks = changed(fixed, "RayService", f"{HEAD_BOX} env +", {"name": "RAY_enable_autoscaler_v2", "value": "true"})
    assert any("needs enableInTreeAutoscaling: true" in line for line in said(check_operator_rules, asks))
