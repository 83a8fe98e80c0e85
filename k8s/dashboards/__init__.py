"""Grafana dashboards of a fleet, from its spec: panels for what the spec does not have are left out."""

from __future__ import annotations

from typing import Any

from cluster.spec import FleetSpec
from k8s.dashboards import autoscaling, overview, pools, reliability, routing, tenants
from k8s.dashboards.grafana_json import as_json, uid_of
from k8s.dashboards.panels import Board


def boards(spec: FleetSpec) -> tuple[Board, ...]:
    """The fleet's dashboards in the order in which to look at them."""
    rooms = (overview, routing, pools, autoscaling, reliability, tenants)
    return tuple(room.board(spec) for room in rooms)


def build(spec: FleetSpec) -> dict[str, dict[str, Any]]:
    """Grafana's dashboard JSON by uid; the same spec always gives the same JSON."""
    return {uid_of(spec.name, board): as_json(spec.name, board) for board in boards(spec)}
