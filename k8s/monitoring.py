"""What the Prometheus operator and Grafana find in the namespace: PodMonitors, alert rules, dashboards."""

from __future__ import annotations

import json
from typing import Any

from cluster.spec import FleetSpec
from k8s import alerts, dashboards
from k8s.names import metadata, pods
from k8s.yaml_text import Key

Manifest = dict[str, Any]
HEAD_ENDPOINTS = ("metrics", "as-metrics", "dash-metrics")
"""Ports of the head: Ray and what runs on it, the autoscaler, the dashboard."""
CLUSTER = {"sourceLabels": ["__meta_kubernetes_pod_label_ray_io_cluster"], "targetLabel": "ray_io_cluster"}
"""Keeps the two clusters of an upgrade apart, as KubeRay's own monitors do."""


def pod_monitors(spec: FleetSpec) -> list[Manifest]:
    """Every Ray pod is read: pods and not the service, which would answer for one of them."""
    return [_pod_monitor(spec, "head", HEAD_ENDPOINTS), _pod_monitor(spec, "worker", ("metrics",))]


def rules(spec: FleetSpec) -> Manifest:
    """Recording and alerting rules."""
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": metadata(spec, spec.name, **spec.kubernetes.monitoring.labels),
        "spec": {"groups": alerts.rule_groups(spec)},
    }


def dashboard_maps(spec: FleetSpec) -> dict[str, Manifest]:
    """A ConfigMap for each dashboard, by the dashboard's uid."""
    return {uid: _config_map(spec, uid, board) for uid, board in sorted(dashboards.build(spec).items())}


def _config_map(spec: FleetSpec, uid: str, board: dict[str, Any]) -> Manifest:
    text = json.dumps(board, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    described = metadata(spec, f"{uid}-dashboard")
    # The label that Grafana's sidecar looks for (the chart's sidecar.dashboards.label).
    described["labels"]["grafana_dashboard"] = "1"
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": described, "data": {f"{uid}.json": text}}


def _pod_monitor(spec: FleetSpec, node_type: str, ports: tuple[str, ...]) -> Manifest:
    section = spec.kubernetes.monitoring
    endpoint = {"interval": f"{section.interval_s}s", "relabelings": [CLUSTER]}
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PodMonitor",
        "metadata": metadata(spec, f"{spec.name}-{node_type}", **section.labels),
        "spec": {
            "selector": {"matchLabels": pods(spec, node_type)},
            Key("podMetricsEndpoints", "Ports by their names in the pods."): [
                {"port": port} | endpoint for port in ports
            ],
        },
    }
