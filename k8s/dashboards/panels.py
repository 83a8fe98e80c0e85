"""What a dashboard consists of, before it becomes Grafana's JSON: boards of rows of panels, each a few queries."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from k8s.promql import Promql

Kind = Literal["lines", "area", "bars", "number", "states", "table"]
"""Lines over time, stacked lines, one bar per series, one number, coloured stretches of time, rows of labels."""

RATE_WINDOW = "$__rate_interval"
"""Grafana's: at least four scrapes, so that a rate always has two samples."""
FLEET = Promql(where='namespace=~"$namespace"', window=RATE_WINDOW)
"""Queries of the whole fleet."""
POOLS = Promql(where='namespace=~"$namespace",pool=~"$pool"', window=RATE_WINDOW)
"""Queries of the pools that the reader chose."""
INFERENCE = 'path=~"/v1/chat/completions|/v1/completions|/generate"'
"""Requests that a model answers."""


@dataclass(frozen=True)
class Query:
    """PromQL and how its series are called, with labels in Grafana's double braces."""

    expr: str
    legend: str = ""


@dataclass(frozen=True)
class Panel:
    """One question that a reader has, and its answer."""

    title: str
    text: str
    """What is shown, and what to do when it moves."""
    unit: str
    """Grafana's id of a unit, such as s, percentunit, reqps."""
    queries: tuple[Query, ...]
    kind: Kind = "lines"
    width: int = 8
    """Of 24 columns."""
    alarm: float | None = None
    """Value from which it is red."""
    alarm_below: bool = False
    """Whether it is red below that value instead."""


@dataclass(frozen=True)
class Board:
    """A dashboard."""

    key: str
    """The end of its uid."""
    title: str
    text: str
    rows: tuple[tuple[str, tuple[Panel, ...]], ...]
    filters: tuple[str, ...] = ("pool",)
    """Labels that the reader may choose values of."""

    @property
    def panels(self) -> tuple[Panel, ...]:
        """All panels in order."""
        return tuple(panel for _, row in self.rows for panel in row)


def recorded(name: str, operator: str = "", where: str = "", pools: bool = False) -> str:
    """A recorded series (k8s/alerts), over the chosen namespaces."""
    base = POOLS if pools else FLEET
    matchers = ",".join(part for part in (base.where, where) if part)
    return f"{operator} ({name}{{{matchers}}})" if operator else f"{name}{{{matchers}}}"


def per_pool(expr: str) -> tuple[Query, ...]:
    """A query whose series are pools."""
    return (Query(expr, "{{pool}}"),)


def p50_p95(histogram: str, *by: str) -> tuple[Query, ...]:
    """Median and 95th percentile, of the fleet or by labels."""
    source = POOLS if by else FLEET
    name = " ".join(f"{{{{{label}}}}}" for label in by)
    return tuple(
        Query(source.quantile(level, histogram, *by), f"{name} p{level * 100:.0f}".strip()) for level in (0.5, 0.95)
    )


def without_grafana(expr: str, window: str, span: str) -> str:
    """A query as Prometheus itself takes it: every namespace, pool and tenant, with ranges in place of Grafana's.

    Args:
        window: range of rates, such as 1m.
        span: the time shown, such as 15m.
    """
    filled = expr.replace(RATE_WINDOW, window).replace("$__range", span)
    return re.sub(r"\$\w+", ".*", filled)
