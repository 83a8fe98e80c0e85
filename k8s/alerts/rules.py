"""Recording and alerting rules, and the PromQL builder that all of them use."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal

from k8s.promql import Promql

NAMESPACE = "namespace"
"""The Prometheus operator adds this label to every series, so rules match it: another fleet's rules judge that one."""


def queries(namespace: str | None) -> Promql:
    """Queries about one fleet.

    Args:
        namespace: the fleet's namespace; None if Prometheus watches this fleet alone, without that label.
    """
    return Promql(where=f'{NAMESPACE}="{namespace}"' if namespace else "", by=(NAMESPACE,))


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

    def rule(self, runbooks: str | None) -> dict[str, Any]:
        """The rule in Prometheus' format.

        Args:
            runbooks: address of the page with a section for each alert; None leaves the link out.
        """
        link = {"runbook_url": f"{runbooks}#{self.name.lower()}"} if runbooks else {}
        return {
            "alert": self.name,
            "expr": self.expr,
            "for": f"{round(self.for_s)}s",
            "labels": {"severity": self.severity},
            "annotations": {
                "summary": self.summary,
                "description": self.description,
                "runbook": self.runbook,
                **link,
            },
        }
