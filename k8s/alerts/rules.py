"""Recording and alerting rules, and the PromQL builder that all of them use."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from k8s.promql import Promql

NAMESPACE = "namespace"
"""The Prometheus operator adds this label to every series, so it separates fleets in different namespaces."""
FLEETS = Promql(by=(NAMESPACE,))
RUNBOOKS = "docs/alerts.md"


@dataclass(frozen=True)
class Record:
    """A precomputed query, named `level:metric:operations` as Prometheus advises
    (https://prometheus.io/docs/practices/rules/)."""

    name: str
    expr: str
    labels: tuple[tuple[str, str], ...] = ()

    def rule(self) -> dict[str, Any]:
        """The rule in Prometheus' format."""
        labels = {"labels": dict(self.labels)} if self.labels else {}
        return {"record": self.name, "expr": self.expr, **labels}


@dataclass(frozen=True)
class Alert:
    """Something a person should look at: critical immediately, warning within a day."""

    name: str
    expr: str
    for_s: float
    """How long `expr` must stay true before the alert fires, in seconds."""
    severity: Literal["critical", "warning"]
    summary: str
    """One line; may contain labels in Prometheus' template syntax."""
    description: str
    """The effect on users, with the measured value."""
    runbook: str
    """The first step; docs/alerts.md has the rest."""

    def rule(self) -> dict[str, Any]:
        """The rule in Prometheus' format."""
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
