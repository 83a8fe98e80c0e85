"""Service accounts, network policies and disruption budgets of the fleet's pods."""

from __future__ import annotations

from typing import Any

from cluster.spec import FleetSpec
from deployments.config import GATEWAY_NODES
from deployments.placement import HARDWARE_LABEL
from k8s.gateways import GATEWAY_GROUP
from k8s.names import (
    AUTOSCALER_METRICS_PORT,
    DASHBOARD_METRICS_PORT,
    DASHBOARD_PORT,
    METRICS_PORT,
    metadata,
    pods,
    service_account,
)
from k8s.nodes import ready_nodes, used_hardware
from k8s.yaml_text import Key

Manifest = dict[str, Any]


def service_accounts(spec: FleetSpec) -> list[Manifest]:
    """One account for the head, which KubeRay allows to resize the cluster, and one for the workers."""
    return [
        {"apiVersion": "v1", "kind": "ServiceAccount", "metadata": metadata(spec, service_account(spec, node_type))}
        for node_type in ("head", "worker")
    ]


def network_policy(spec: FleetSpec) -> Manifest:
    """Who may connect to the fleet's pods. Egress is not limited, because weights come from the internet."""
    operator, monitoring = spec.kubernetes.operator_namespace, spec.kubernetes.monitoring.namespace
    metrics = (METRICS_PORT, AUTOSCALER_METRICS_PORT, DASHBOARD_METRICS_PORT)
    rules: list[Manifest] = [
        {
            Key("from", "Ray nodes and ranks connect to each other on ports that they choose at run time."): [
                {"podSelector": {"matchLabels": pods(spec)}}
            ]
        },
        {Key("ports", "The endpoint is open to everyone; gateway.api_keys decides who may use it."): _tcp(
            spec.gateway.port)},
        {
            Key("from", "The operator submits the Serve config to the head."): _namespace(operator),
            "ports": _tcp(DASHBOARD_PORT),
        },
        {Key("from", "Prometheus scrapes every node."): _namespace(monitoring), "ports": _tcp(*metrics)},
    ]  # fmt: skip
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": metadata(spec, f"{spec.name}-ray"),
        "spec": {
            "podSelector": {"matchLabels": pods(spec)},
            Key("policyTypes", "All other ports are closed, including HAProxy's statistics (8404, 9101)."): ["Ingress"],
            "ingress": rules,
        },
    }


def disruption_budgets(spec: FleetSpec) -> list[Manifest]:
    """Limits for evictions, such as those of `kubectl drain`: none for pods of which one may be ready at most.

    `minAvailable` as a number of pods is the only form that Kubernetes supports for pods of a custom resource
    (kubernetes.io, "Specifying a Disruption Budget for your Application", arbitrary controllers).
    """
    one_at_a_time = "One less than the pods that are ready at minimum size, so that one may always go."
    kinds = {name: ({HARDWARE_LABEL: name}, ready_nodes(spec, name)) for name in used_hardware(spec)}
    kinds[GATEWAY_GROUP] = (GATEWAY_NODES, spec.gateway.replicas.min)
    budgets = [
        _budget(spec, name, pods(spec) | labels, ready - 1, one_at_a_time)
        for name, (labels, ready) in kinds.items()
        if ready > 1
    ]
    if spec.kubernetes.redis is None:
        why = "Without Redis, losing the head ends the fleet: move it by hand."
        budgets.append(_budget(spec, "head", pods(spec, "head"), 1, why))
    return budgets


def _budget(spec: FleetSpec, name: str, labels: dict[str, str], min_available: int, why: str) -> Manifest:
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": metadata(spec, f"{spec.name}-{name}"),
        "spec": {
            Key("minAvailable", why): min_available,
            Key("unhealthyPodEvictionPolicy", "Nodes with ranks alone are never ready, and may always go."): (
                "AlwaysAllow"
            ),
            "selector": {"matchLabels": labels},
        },
    }


def _tcp(*ports: int) -> list[Manifest]:
    return [{"port": port, "protocol": "TCP"} for port in ports]


def _namespace(name: str) -> list[Manifest]:
    return [{"namespaceSelector": {"matchLabels": {"kubernetes.io/metadata.name": name}}}]
