"""The parts of Prometheus' rule groups, and the queries that all of ours are made with."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from k8s.promql import Promql

NAMESPACE = "namespace"
"""The Prometheus operator gives it to every series, so fleets in different namespaces are judged apart."""
FLEETS = Promql(by=(NAMESPACE,))
RUNBOOKS = "docs/alerts.md"


@dataclass(frozen=True)
class Record:
    """A query that is evaluated ahead and kept under a name: `level:metric:operations`, as Prometheus advises
    (https://prometheus.io/docs/practices/rules/)."""

    name: str
    expr: str
    labels: tuple[tuple[str, str], ...] = ()

    def rule(self) -> dict[str, Any]:
        """As Prometheus reads it."""
        labels = {"labels": dict(self.labels)} if self.labels else {}
        return {"record": self.name, "expr": self.expr, **labels}


@dataclass(frozen=True)
class Alert:
    """Something a person should look at: critical at once, warning within a day."""

    name: str
    expr: str
    for_s: float
    """How long it must stay true."""
    severity: Literal["critical", "warning"]
    summary: str
    """One line; may name labels as Prometheus' templates do."""
    description: str
    """What it means for users and what was measured."""
    runbook: str
    """What to do first; docs/alerts.md has the rest."""

    def rule(self) -> dict[str, Any]:
        """As Prometheus reads it."""
        return {
            "alert": self.name,
            "expr": self.expr,
            "for": f"{round(self.for_s)}s",
            "labels": {"severity": self.severity},
            "annotations": {
                "summary": self.summary,
                "description": self.description,
                "runbook": self.runbook,
                "runbook_url": f"{RUNBOOKS}#{self.name.lower()}",
            },
        }
