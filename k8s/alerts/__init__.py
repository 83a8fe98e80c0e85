"""Prometheus recording and alerting rules for a fleet, with thresholds from its spec."""

from __future__ import annotations

from typing import Any

from cluster.spec import FleetSpec
from k8s.alerts.fleet import fleet_alerts, fleet_records
from k8s.alerts.slo import slo_alerts, slo_records


def rule_groups(spec: FleetSpec) -> list[dict[str, Any]]:
    """Rule groups for a rules file or a PrometheusRule. Recording rules come before the alerts that read them."""
    return [
        {"name": "signalbox-records", "rules": [each.rule() for each in (*slo_records(spec), *fleet_records())]},
        {"name": "signalbox-alerts", "rules": [each.rule() for each in (*slo_alerts(spec), *fleet_alerts(spec))]},
    ]
