"""Checks evictions: autoscalers of machines leave the pods, and budgets let a healthy node be drained.

Each PodDisruptionBudget protects pods of this fleet.
"""

from __future__ import annotations

from collections.abc import Iterator

from cluster.problems import invalid
from deployments.placement import HARDWARE_LABEL
from k8s.checks.finding import Finding
from k8s.checks.objects import Manifest, mapping, number, text
from k8s.checks.rendered import Pod, Rendered
from k8s.checks.selectors import NO_POD, selects, strangers
from k8s.nodes import ready_nodes
from k8s.pods import STAYS

CHECK = "evictions"
POLICY = "unhealthyPodEvictionPolicy"


def check_evictions(rendered: Rendered) -> Iterator[Finding]:
    """Check the pods' marks, and every budget against the pods that are ready for certain at minimum size."""
    for pod in rendered.ray_pods():
        found = mapping(pod.template, "metadata", "annotations")
        for name, value in STAYS.items():
            if name not in found:
                problem = f'is missing, use "{value}": autoscalers of machines would move the pod to save a machine'
                yield Finding(CHECK, pod.where(f"metadata.annotations.{name}"), problem)
    for budget in rendered.of_kind("PodDisruptionBudget"):
        selector, spec = mapping(budget.body, "spec", "selector"), mapping(budget.body, "spec")
        chosen = [pod for pod in rendered.ray_pods() if selects(selector, pod.labels)]
        if not chosen:
            yield Finding(CHECK, budget.where("spec.selector"), NO_POD)
        for problem in strangers(rendered.ray_pods(), selector):
            yield Finding(CHECK, budget.where("spec.selector"), problem)
        if not {"minAvailable", "maxUnavailable"} & spec.keys():
            yield Finding(CHECK, budget.where("spec"), "protects nothing, set maxUnavailable or minAvailable")
        if text(spec, POLICY) != "AlwaysAllow":
            problem = invalid(spec.get(POLICY), "AlwaysAllow: pods that are never ready could not be evicted")
            yield Finding(CHECK, budget.where(f"spec.{POLICY}"), problem)
        if not any(pod.is_head for pod in chosen):
            yield from _always_one(rendered, budget, chosen)


def _always_one(rendered: Rendered, budget: Manifest, chosen: list[Pod]) -> Iterator[Finding]:
    """One ready pod may always go."""
    ready, kept = sum(_ready(rendered, pod) for pod in chosen), number(budget.body, "spec", "minAvailable")
    if kept is not None and kept >= max(ready, 1):
        problem = f"invalid value {kept:g}, but {ready} pods are ready at minimum size, use less: none could be evicted"
        yield Finding(CHECK, budget.where("spec.minAvailable"), problem)


def _ready(rendered: Rendered, pod: Pod) -> int:
    """Pods of a group that are ready for certain."""
    if pod.is_for_gateways:
        return rendered.spec.gateway.replicas.min
    name = text(pod.group, "labels", HARDWARE_LABEL)
    return ready_nodes(rendered.spec, name) if name in rendered.spec.hardware else 0
