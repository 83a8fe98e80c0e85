"""Checks that pods and clusters get more time to terminate than the longest stream takes."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import yaml

from cluster.problems import invalid
from k8s.checks.finding import Finding
from k8s.checks.objects import mapping, number, read_yaml, sequence, text
from k8s.checks.operator_rules import variable
from k8s.checks.rendered import Rendered
from k8s.containers import DRAIN
from k8s.lifetimes import STATE_REMOVAL

CHECK = "graceful termination"
LONGEST_HEAD_DRAIN_S = 15
"""Serve's controller never leaves the head, so a drain only delays the head's successor."""
REMOVAL_DEFAULT_S = 300
"""KubeRay's default of `STATE_REMOVAL` (utils/constant.go, RAYCLUSTER_GCS_FT_DELETION_TIMEOUT_DEFAULT)."""


def check_graceful_termination(rendered: Rendered) -> Iterator[Finding]:
    """Check the grace periods of pods, of replicas and of the old cluster after an upgrade."""
    longest_s = rendered.spec.gateway.request_timeout_s
    for pod in rendered.ray_pods():
        if pod.is_head:
            continue
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
    yield from _head(rendered)
    for manifest in rendered.of_kind("RayService"):
        delay_s = number(manifest.body, "spec", "rayClusterDeletionDelaySeconds")
        replaces = text(manifest.body, "spec", "upgradeStrategy", "type") != "None"
        if replaces and (delay_s is None or delay_s < longest_s):
            problem = _too_short(delay_s, longest_s, "KubeRay's default is 60, after which it deletes the old cluster")
            yield Finding(CHECK, manifest.where("spec.rayClusterDeletionDelaySeconds"), problem)
        for deployment in _deployments(text(manifest.body, "spec", "serveConfigV2")):
            grace_s = number(deployment, "graceful_shutdown_timeout_s")
            if grace_s is None or grace_s < longest_s:
                problem = _too_short(grace_s, longest_s, "Serve's default is 20")
                field = f"{text(deployment, 'name')}.graceful_shutdown_timeout_s"
                yield Finding(CHECK, manifest.where(f"spec.serveConfigV2.applications[0].deployments.{field}"), problem)


def _head(rendered: Rendered) -> Iterator[Finding]:
    """The head goes at once, and KubeRay waits for the last pod before it gives up on the state in Redis."""
    for pod in rendered.ray_pods():
        drain_s = _seconds(variable(pod.ray_container, DRAIN)) if pod.is_head else 0
        if drain_s is None or drain_s > LONGEST_HEAD_DRAIN_S:
            problem = invalid(drain_s, f"at most {LONGEST_HEAD_DRAIN_S} s: nothing scales until the head is replaced")
            yield Finding(CHECK, pod.where(f"spec.containers[0].env {DRAIN}"), problem)
        grace_s = number(pod.spec, "terminationGracePeriodSeconds") if pod.is_head else None
        if pod.is_head and (grace_s or 0) <= (drain_s or 0):
            problem = invalid(grace_s, f"more than the head's drain time, {drain_s or 0:g} s ({DRAIN})")
            yield Finding(CHECK, pod.where("spec.terminationGracePeriodSeconds"), problem)
    longest_s = max((number(pod.spec, "terminationGracePeriodSeconds") or 0 for pod in rendered.ray_pods()), default=0)
    for manifest in rendered.of_kind("RayService"):
        written = _seconds(text(manifest.body, "metadata", "annotations", STATE_REMOVAL) or str(REMOVAL_DEFAULT_S))
        with_redis = mapping(manifest.body, "spec", "rayClusterConfig", "gcsFaultToleranceOptions")
        if with_redis and (written is None or written <= longest_s):
            use = f"more than the longest grace period, {longest_s:g} s, or the cluster's state stays in Redis"
            yield Finding(CHECK, manifest.where(f"metadata.annotations.{STATE_REMOVAL}"), invalid(written, use))


def _seconds(value: str | None) -> float | None:
    try:
        return None if value is None else float(value)
    except ValueError:
        return None


def _too_short(found_s: float | None, longest_s: float, default: str) -> str:
    return invalid(found_s, f"more than gateway.request_timeout_s, {longest_s:g} s ({default})")


def _deployments(serve_config: str) -> list[Any]:
    """The deployments of a Serve config; none if it is broken, which another check reports."""
    try:
        (config,) = read_yaml(serve_config)
    except (yaml.YAMLError, ValueError):
        return []
    return sequence(config, "applications", 0, "deployments")
