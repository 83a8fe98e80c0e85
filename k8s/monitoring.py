"""PodMonitors, alert rules and dashboards for the Prometheus operator and Grafana."""

from __future__ import annotations

import json
from typing import Any

from cluster.spec import FleetSpec
from k8s import alerts, dashboards
from k8s.names import metadata, namespace, pods
from k8s.yaml_text import Key

Manifest = dict[str, Any]
HEAD_ENDPOINTS = ("metrics", "as-metrics", "dash-metrics")
"""Ports of the head: Ray with everything that runs on it, the autoscaler, the dashboard."""
CLUSTER = {"sourceLabels": ["__meta_kubernetes_pod_label_ray_io_cluster"], "targetLabel": "ray_io_cluster"}
"""Separates the two clusters during an upgrade, as KubeRay's own monitors do."""


def pod_monitors(spec: FleetSpec) -> list[Manifest]:
    """Monitors for every Ray pod. Scraping the service would reach only one of them."""
    return [_pod_monitor(spec, "head", HEAD_ENDPOINTS), _pod_monitor(spec, "worker", ("metrics",))]


def rules(spec: FleetSpec) -> Manifest:
    """Recording and alerting rules."""
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": metadata(spec, spec.name, **spec.kubernetes.monitoring.labels),
        "spec": {"groups": alerts.rule_groups(spec, namespace(spec, "prod"))},
    }


def dashboard_maps(spec: FleetSpec) -> dict[str, Manifest]:
    """A ConfigMap per dashboard, by the dashboard's uid."""
    return {uid: _config_map(spec, uid, board) for uid, board in sorted(dashboards.build(spec).items())}


def _config_map(spec: FleetSpec, uid: str, board: dict[str, Any]) -> Manifest:
    text = json.dumps(board, indent=1, sort_keys=True, ensure_ascii=False) + "\n"
    described = metadata(spec, f"{uid}-dashboard")
    # Grafana's sidecar finds dashboards by this label (the chart's sidecar.dashboards.label).
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
            Key("podMetricsEndpoints", "Container ports, by name."): [{"port": port} | endpoint for port in ports],
        },
    }
