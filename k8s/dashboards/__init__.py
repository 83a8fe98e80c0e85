"""Grafana dashboards for a fleet. They omit panels for features that its spec does not use."""

from __future__ import annotations

from typing import Any

from cluster.spec import FleetSpec
from k8s.dashboards import autoscaling, overview, pools, reliability, routing, tenants
from k8s.dashboards.grafana_json import as_json, uid_of
from k8s.dashboards.panels import Board


def boards(spec: FleetSpec) -> tuple[Board, ...]:
    """The fleet's dashboards, in reading order."""
    modules = (overview, routing, pools, autoscaling, reliability, tenants)
    return tuple(module.board(spec) for module in modules)


def build(spec: FleetSpec) -> dict[str, dict[str, Any]]:
    """Grafana's dashboard JSON by uid. It depends only on the spec."""
    return {uid_of(spec.name, board): as_json(spec.name, board) for board in boards(spec)}
