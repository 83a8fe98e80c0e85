"""Who the pods are, who reaches them, and how many of them may be evicted at once."""

from __future__ import annotations

from typing import Any

from cluster.spec import FleetSpec
from k8s.names import (
    AUTOSCALER_METRICS_PORT,
    DASHBOARD_METRICS_PORT,
    DASHBOARD_PORT,
    METRICS_PORT,
    metadata,
    pods,
    service_account,
)
from k8s.nodes import nodes_needed, used_hardware
from k8s.yaml_text import Key

Manifest = dict[str, Any]


def service_accounts(spec: FleetSpec) -> list[Manifest]:
    """One for the head, which KubeRay gives the right to change the cluster's size, and one for the workers."""
    return [
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata(spec, service_account(spec, node_type))}
        for node_type in ("head", "worker")
    ]


def network_policy(spec: FleetSpec) -> Manifest:
    """Who may connect to the fleet's pods. Outgoing connections are not limited: weights come from the internet."""
    operator, monitoring = spec.kubernetes.operator_namespace, spec.kubernetes.monitoring.namespace
    metrics = (METRICS_PORT, AUTOSCALER_METRICS_PORT, DASHBOARD_METRICS_PORT)
    rules: list[Manifest] = [
        {
            Key("from", "Ray's nodes talk to each other on ports of their choosing; so do ranks."): [
                {"podSelector": {"matchLabels": pods(spec)}}
            ]
        },
        {Key("ports", "The endpoint, for everybody: who may use it is for gateway.api_keys to say."): _tcp(
            spec.gateway.port)},
        {
            Key("from", "The operator submits the Serve config to the head."): _namespace(operator),
            "ports": _tcp(DASHBOARD_PORT),
        },
        {Key("from", "Prometheus."): _namespace(monitoring), "ports": _tcp(*metrics)},
    ]  # fmt: skip
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": metadata(spec, f"{spec.name}-ray"),
        "spec": {
            "podSelector": {"matchLabels": pods(spec)},
            Key("policyTypes", "Everything that is not named is closed, HAProxy's statistics (8404, 9101) too."): [
                "Ingress"
            ],
            "ingress": rules,
        },
    }


def disruption_budgets(spec: FleetSpec) -> list[Manifest]:
    """How far evictions, such as of `kubectl drain`, may go.

    `minAvailable` in whole pods is the only form that Kubernetes supports for pods whose owner is no built-in kind
    (kubernetes.io, "Specifying a Disruption Budget for your Application", arbitrary controllers).
    """
    budgets = []
    smallest = sum(nodes_needed(spec, name) for name in used_hardware(spec))
    if smallest:
        why = "One node at a time while the fleet is at its smallest; the only one not at all."
        budgets.append(_budget(spec, "worker", max(smallest - 1, 1), why))
    if spec.kubernetes.redis is None:
        budgets.append(_budget(spec, "head", 1, "Without Redis the fleet ends with its head."))
    return budgets


def _budget(spec: FleetSpec, node_type: str, least: int, why: str) -> Manifest:
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": metadata(spec, f"{spec.name}-{node_type}"),
        "spec": {
            Key("minAvailable", why): least,
            "selector": {"matchLabels": pods(spec, node_type)},
        },
    }


def _tcp(*ports: int) -> list[Manifest]:
    return [{"port": port, "protocol": "TCP"} for port in ports]


def _namespace(name: str) -> list[Manifest]:
    return [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": name}}}]
