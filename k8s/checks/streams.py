"""Checks that pods and clusters get more time to terminate than the longest stream takes."""

from __future__ import annotations

import functools
import json
from collections.abc import Iterator
from typing import Any

from cluster.problems import invalid
from deployments.app import build
from k8s.checks.finding import Finding
from k8s.checks.objects import number, text
from k8s.checks.operator_rules import variable
from k8s.checks.rendered import Rendered

CHECK = "graceful termination"
DRAIN = "RAY_GRACEFUL_SHUTDOWN_DRAIN_TIMEOUT_S"
"""Variable for the seconds that `ray start --block` lets a node drain after SIGTERM (ray/_private/node.py)."""


def check_graceful_termination(rendered: Rendered) -> Iterator[Finding]:
    """Check the grace periods of pods, of replicas and of the old cluster after an upgrade."""
    longest_s = rendered.spec.gateway.request_timeout_s
    for pod in rendered.ray_pods():
        grace_s = number(pod.spec, "terminationGracePeriodSeconds")
        if grace_s is None or grace_s <= longest_s:
            problem = _too_short(grace_s, longest_s, "Kubernetes' default is 30")
            yield Finding(CHECK, pod.where("spec.terminationGracePeriodSeconds"), problem)
        drain_s = _seconds(variable(pod.ray_container, DRAIN))
        if drain_s is None or drain_s <= longest_s:
            problem = _too_short(drain_s, longest_s, "Ray's default is 30")
            yield Finding(CHECK, pod.where(f"spec.containers[0].env {DRAIN}"), problem)
        elif grace_s is not None and grace_s <= drain_s:
            problem = invalid(grace_s, f"more than Ray's drain time, {drain_s:g} s ({DRAIN})")
            yield Finding(CHECK, pod.where("spec.terminationGracePeriodSeconds"), problem)
    for manifest in rendered.of_kind("RayService"):
        delay_s = number(manifest.body, "spec", "rayClusterDeletionDelaySeconds")
        replaces = text(manifest.body, "spec", "upgradeStrategy", "type") != "None"
        if replaces and (delay_s is None or delay_s < longest_s):
            problem = _too_short(delay_s, longest_s, "KubeRay's default is 60, after which it deletes the old cluster")
            yield Finding(CHECK, manifest.where("spec.rayClusterDeletionDelaySeconds"), problem)
        for name, grace_s in shutdown_times(rendered.spec.model_dump_json()).items():
            if grace_s < longest_s:
                problem = _too_short(grace_s, longest_s, "Serve's default is 20")
                yield Finding(CHECK, f"deployments/app.py deployment {name} graceful_shutdown_timeout_s", problem)


def _seconds(value: str | None) -> float | None:
    try:
        return None if value is None else float(value)
    except ValueError:
        return None


def _too_short(found_s: float | None, longest_s: float, default: str) -> str:
    return invalid(found_s, f"more than gateway.request_timeout_s, {longest_s:g} s ({default})")


@functools.lru_cache(maxsize=8)
def shutdown_times(spec: str) -> dict[str, float]:
    """Time that each deployment of a fleet waits for streams when it stops a replica, in seconds.

    Args:
        spec: the fleet's spec as JSON.
    """
    application = build({"spec": json.loads(spec)})
    gateway: Any = application._bound_deployment  # Ray has no public name for it
    pools: list[Any] = list(gateway.init_args[1].values())
    deployments = [gateway, *(pool._bound_deployment for pool in pools)]
    return {each.name: float(each._deployment_config.graceful_shutdown_timeout_s) for each in deployments}
