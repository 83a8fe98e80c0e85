"""The mistakes that KubeRay rejects, one at a time."""

from __future__ import annotations

import pytest
from checked_overlays import BOX, CLUSTER, DELETE, GROUP, HEAD, HEAD_BOX, POD, changed, gpu_overlay, reported

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
    assert reported(check_operator_rules, gpu_overlay()) == []
    assert reported(check_operator_rules, changed(gpu_overlay(), "RayService", UPGRADE, INCREMENTAL)) == []


@pytest.mark.parametrize(
    ("path", "value", "problem"),
    [
        ("metadata name", "x" * 48, "use at most 47"),
        ("metadata name", "1st", "with a letter first"),
        ("metadata annotations ray.io/initializing-timeout", "soon", "use a duration such as 30m"),
        ("metadata annotations ray.io/initializing-timeout", "0", "use a duration such as 30m"),
        ("spec rayClusterDeletionDelaySeconds", -1, "invalid value -1, use 0 or more"),
        (f"{HEAD} headService metadata name", "mine", "is set by the operator"),
        (f"{UPGRADE} type", "Rolling", "invalid value 'Rolling', use one of NewCluster"),
        (UPGRADE, upgrade(gatewayClassName=""), "gatewayClassName: is missing"),
        (
            UPGRADE,
            upgrade(stepSizePercent=60, maxSurgePercent=50),
            "stepSizePercent: invalid value 60, use 0 to maxSurge",
        ),
        (UPGRADE, upgrade(maxSurgePercent=101), "maxSurgePercent: invalid value 101"),
        (UPGRADE, upgrade(intervalSeconds=0), "intervalSeconds: invalid value 0"),
        (UPGRADE, {"type": INCREMENTAL["type"]}, "stepSizePercent: is missing"),
        (f"{GROUP} groupName", "", "invalid value '', use a name that no other group has"),
        (f"{GROUP} minReplicas", 3, "minReplicas: invalid value 3, use at most maxReplicas, 2"),
        (f"{GROUP} minReplicas", -1, "minReplicas: invalid value -1, use 0 or more"),
        (f"{GROUP} maxReplicas", -2, "maxReplicas: invalid value -2, use 0 or more"),
        (f"{GROUP} suspend", True, "suspend: invalid value true"),
        (f"{GROUP} idleTimeoutSeconds", -1, "idleTimeoutSeconds: invalid value -1"),
        (f"{GROUP} rayStartParams num-gpus", 4, 'invalid value 4, use a string: "4"'),
        (f"{GROUP} rayStartParams num-gpus", "4", "conflicts with the group's `resources`"),
        (f"{GROUP} rayStartParams labels", "a=b", "is ignored"),
        (f"{GROUP} labels bad!key", "x", "is not a Kubernetes label key"),
        (f"{GROUP} labels a/b/c", "x", "is not a Kubernetes label key"),
        (f"{GROUP} labels ok", "has space", "use at most 63 letters"),
        (f"{POD} containers", [], "add the container that runs Ray"),
        (f"{POD} restartPolicy", "Always", "invalid value 'Always', use Never"),
        (f"{BOX} env +", {"name": "RAY_CLUSTER_NAME", "value": "x"}, "sets RAY_CLUSTER_NAME"),
        (f"{CLUSTER} autoscalerOptions version", "v1", "idleTimeoutSeconds: needs autoscaler v2"),
        (
            f"{CLUSTER} autoscalerOptions idleTimeoutSeconds",
            -5,
            "autoscalerOptions.idleTimeoutSeconds: invalid value -5",
        ),
        (f"{HEAD_BOX} env +", {"name": "RAY_enable_autoscaler_v2", "value": "1"}, "remove the variable"),
        (f"{HEAD_BOX} env +", {"name": "RAY_REDIS_ADDRESS", "value": "x"}, "sets RAY_REDIS_ADDRESS"),
        (f"{HEAD_BOX} env +", {"name": "REDIS_USERNAME", "value": "x"}, "sets REDIS_USERNAME"),
        (f"{HEAD_BOX} env +", {"name": "REDIS_PASSWORD", "value": "x"}, "contains Redis' password"),
        (f"{HEAD} rayStartParams redis-password", "x", "contains Redis' password"),
        (f"{CLUSTER} gcsFaultToleranceOptions redisAddress", DELETE, "redisAddress: is missing"),
        (f"{CLUSTER} gcsFaultToleranceOptions backend", "rocksdb", GATED),
        (f"{CLUSTER} gcsFaultToleranceOptions storage", {"size": "1Gi"}, "applies to rocksdb only"),
        (f"{CLUSTER} rayVersion", DELETE, "rayVersion: is missing, use 2.52.0 or later"),
        (f"{CLUSTER} rayVersion", "2.51.9", "rayVersion: invalid value '2.51.9'"),
        (f"{CLUSTER} authOptions enableK8sTokenAuth", True, "does not apply to a RayService"),
        (f"{CLUSTER} networkPolicy", {}, GATED),
        (f"{CLUSTER} tlsOptions", {}, GATED),
        (f"{CLUSTER} historyServerOptions", {}, GATED),
    ],
)
def test_mistakes_are_found(path, value, problem):
    found = reported(check_operator_rules, changed(gpu_overlay(), "RayService", path, value))
    assert any(problem in line for line in found), found


def test_an_incremental_upgrade_needs_the_autoscaler():
    broken = changed(gpu_overlay(), "RayService", UPGRADE, INCREMENTAL)
    broken = changed(broken, "RayService", f"{CLUSTER} enableInTreeAutoscaling", False)
    assert any("an incremental upgrade needs it" in line for line in reported(check_operator_rules, broken))


def test_without_the_autoscaler_groups_need_both_bounds():
    fixed = changed(gpu_overlay(), "RayService", f"{CLUSTER} enableInTreeAutoscaling", False)
    open_ended = changed(fixed, "RayService", f"{GROUP} maxReplicas")
    assert any("lacks minReplicas or maxReplicas" in line for line in reported(check_operator_rules, open_ended))
    requested = changed(fixed, "RayService", f"{HEAD_BOX} env +", {"name": "RAY_enable_autoscaler_v2", "value": "true"})
    assert any("needs enableInTreeAutoscaling: true" in line for line in reported(check_operator_rules, requested))
