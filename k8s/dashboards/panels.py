"""The parts of a dashboard before it becomes Grafana's JSON: boards, rows, panels and queries."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Literal

from k8s.promql import Promql

Kind = Literal["lines", "area", "bars", "number", "states", "table"]
"""Lines over time, stacked lines, one bar per series, one number, a state timeline, rows of labels."""

RATE_WINDOW = "$__rate_interval"
"""Grafana's variable: at least four scrape intervals, so that a rate always has two samples."""
FLEET = Promql(where='namespace=~"$namespace"', window=RATE_WINDOW)
"""Queries for the whole fleet."""
POOLS = Promql(where='namespace=~"$namespace",pool=~"$pool"', window=RATE_WINDOW)
"""Queries for the pools that the reader selected."""
INFERENCE = 'path=~"/v1/chat/completions|/v1/completions|/generate"'
"""Matcher for requests that a model answers."""


@dataclass(frozen=True)
class Query:
    """PromQL, and the legend of its series with labels in Grafana's double braces."""

    expr: str
    legend: str = ""


@dataclass(frozen=True)
class Panel:
    """One chart, number or table."""

    title: str
    text: str
    """What the panel shows, and what to do when it changes."""
    unit: str
    """Grafana's unit id, such as s, percentunit, reqps."""
    queries: tuple[Query, ...]
    kind: Kind = "lines"
    width: int = 8
    """Columns, of 24."""
    alarm: float | None = None
    """Value above which the panel is red."""
    alarm_below: bool = False
    """Whether the panel is red below `alarm` instead."""


@dataclass(frozen=True)
class Board:
    """A dashboard."""

    key: str
    """Last part of its uid."""
    title: str
    text: str
    rows: tuple[tuple[str, tuple[Panel, ...]], ...]
    filters: tuple[str, ...] = ("pool",)
    """Labels that the reader can filter by."""

    @property
    def panels(self) -> tuple[Panel, ...]:
        """All panels in order."""
        return tuple(panel for _, row in self.rows for panel in row)


def recorded(name: str, operator: str = "", where: str = "", pools: bool = False) -> str:
    """A recorded series (k8s/alerts) in the selected namespaces, and in the selected pools if `pools`."""
    base = POOLS if pools else FLEET
    matchers = ",".join(part for part in (base.where, where) if part)
    return f"{operator} ({name}{{{matchers}}})" if operator else f"{name}{{{matchers}}}"


def per_pool(expr: str) -> tuple[Query, ...]:
    """A query with one series per pool."""
    return (Query(expr, "{{pool}}"),)


def p50_p95(histogram: str, *by: str) -> tuple[Query, ...]:
    """Median and 95th percentile, for the fleet or grouped by labels."""
    source = POOLS if by else FLEET
    name = " ".join(f"{{{{{label}}}}}" for label in by)
    return tuple(
        Query(source.quantile(level, histogram, *by), f"{name} p{level * 100:.0f}".strip()) for level in (0.5, 0.95)
    )


def without_grafana(expr: str, window: str, span: str) -> str:
    """A query for Prometheus itself: every namespace, pool and tenant, with Grafana's ranges filled in.

    Args:
        expr: the query, with Grafana's variables.
        window: range of rates, such as 1m.
        span: the displayed time range, such as 15m.
    """
    filled = expr.replace(RATE_WINDOW, window).replace("$__range", span)
    return re.sub(r"\$\w+", ".*", filled)
