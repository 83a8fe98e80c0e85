"""Prometheus recording and alerting rules for a fleet, with thresholds from its spec."""

from __future__ import annotations

from typing import Any

from cluster.spec import FleetSpec
from k8s.alerts.fleet import fleet_alerts, fleet_records
from k8s.alerts.rules import queries
from k8s.alerts.slo import slo_alerts, slo_records


def rule_groups(spec: FleetSpec, namespace: str | None = None) -> list[dict[str, Any]]:
    """Rule groups for a rules file or a PrometheusRule. Recording rules come before the alerts that read them.

    Args:
        spec: the fleet, whose targets are the thresholds.
        namespace: where it runs. None if Prometheus watches this fleet alone.
    """
    fleet, runbooks = queries(namespace), spec.kubernetes.monitoring.runbooks
    records = [*slo_records(spec, fleet), *fleet_records(fleet)]
    alerts = [*slo_alerts(spec, fleet), *fleet_alerts(spec, fleet)]
    return [
        {"name": "signalbox-records", "rules": [each.rule() for each in records]},
        {"name": "signalbox-alerts", "rules": [each.rule(runbooks) for each in alerts]},
    ]
