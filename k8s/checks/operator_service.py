"""Checks what KubeRay 1.7 rejects although the schema accepts it: the RayService's part.

Each rule follows ValidateRayServiceMetadata, ValidateRayServiceSpec and ValidateClusterUpgradeOptions in
ray-operator/controllers/ray/utils/validation.go of ray-project/kuberay.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from cluster.problems import invalid
from k8s.checks.objects import Body, Manifest, dig, mapping, number, text

MAX_NAME_LENGTH = 47
"""63 characters of a Service's name, minus `-serve-svc`, minus the 6 that the operator adds per cluster."""
NAME = re.compile(r"[a-z]([-a-z0-9]*[a-z0-9])?")
"""RFC 1035 label."""
UPGRADES = ("NewCluster", "NewClusterWithIncrementalUpgrade", "None")
INITIALIZING_TIMEOUT = "ray.io/initializing-timeout"


def service_problems(manifest: Manifest) -> Iterator[tuple[str, str]]:
    """Field paths and problems of the RayService outside `rayClusterConfig`."""
    if len(manifest.name) > MAX_NAME_LENGTH or not NAME.fullmatch(manifest.name):
        yield (
            "metadata.name",
            invalid(manifest.name, f"at most {MAX_NAME_LENGTH} of a-z, 0-9 and '-', with a letter first"),
        )
    timeout = dig(manifest.body, "metadata", "annotations", INITIALIZING_TIMEOUT)
    if timeout and not re.fullmatch(r"(?!0+$)\d+|(?=.*[1-9])(\d+(\.\d+)?(ns|us|µs|ms|s|m|h))+", str(timeout)):
        yield f"metadata.annotations.{INITIALIZING_TIMEOUT}", invalid(timeout, "a duration such as 30m, or seconds")
    spec = mapping(manifest.body, "spec")
    if dig(spec, "rayClusterConfig", "headGroupSpec", "headService", "metadata", "name"):
        yield "spec.rayClusterConfig.headGroupSpec.headService.metadata.name", "is set by the operator, leave it out"
    delay = number(spec, "rayClusterDeletionDelaySeconds")
    if delay is not None and delay < 0:
        yield "spec.rayClusterDeletionDelaySeconds", invalid(delay, "0 or more")
    yield from _upgrade(spec)


def _upgrade(spec: Body) -> Iterator[tuple[str, str]]:
    strategy = text(spec, "upgradeStrategy", "type")
    if strategy and strategy not in UPGRADES:
        yield "spec.upgradeStrategy.type", invalid(strategy, f"one of {', '.join(UPGRADES)}")
    if strategy != "NewClusterWithIncrementalUpgrade":
        return
    if not dig(spec, "rayClusterConfig", "enableInTreeAutoscaling"):
        yield "spec.rayClusterConfig.enableInTreeAutoscaling", "is not true, use true: an incremental upgrade needs it"
    path = "spec.upgradeStrategy.clusterUpgradeOptions"
    options = mapping(spec, "upgradeStrategy", "clusterUpgradeOptions")
    surge = number(options, "maxSurgePercent")
    surge = 100 if surge is None else surge  # the schema's default
    step, interval = number(options, "stepSizePercent"), number(options, "intervalSeconds")
    if not 0 <= surge <= 100:
        yield f"{path}.maxSurgePercent", invalid(surge, "0 to 100")
    if step is None or not 0 <= step <= surge:
        yield f"{path}.stepSizePercent", invalid(step, f"0 to maxSurgePercent ({surge})")
    if interval is None or interval <= 0:
        yield f"{path}.intervalSeconds", invalid(interval, "more than 0")
    if not text(options, "gatewayClassName"):
        yield f"{path}.gatewayClassName", "is missing, use the GatewayClass of the Gateway that moves the traffic"
