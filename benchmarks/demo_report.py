"""The summary of `signalbox bench demo` as tables."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.table import Table


def level_table(report: Mapping[str, Any]) -> Table:
    """Accuracy, pool share, escalations and cost per level of a summary."""
    pools = sorted(report["all"]["pool_share"], key=lambda p: ("small", "moe", "large", p).index(p))
    table = Table(title="demo tasks through the endpoint")
    shares = (f"to {pool}" for pool in pools)
    for column in ("level", "tasks", "correct", "seen", "fresh", "failed", *shares, "escalated", "cost/1k"):
        table.add_column(column, justify="right")
    for level, row in [*report["levels"].items(), ("all", report["all"])]:
        shares = (f"{row['pool_share'].get(pool, 0):.0%}" for pool in pools)
        correct = (_percent(row[key]) for key in ("accuracy", "accuracy_seen_wordings", "accuracy_fresh_wordings"))
        table.add_row(level, str(row["tasks"]), *correct, str(row["failed"]), *shares, *_money(row))
    return table


def comparison_table(report: Mapping[str, Any], name: str) -> Table:
    """A summary's routed answers, compared with fixed pools and a perfect router."""
    table = Table(title="the same tasks, compared with fixed pools")
    for column in ("answered by", "correct", "seen", "fresh", "escalated", "cost/1k"):
        table.add_column(column, justify="left" if column == "answered by" else "right")
    rows = {name: report["all"], **report["against"], "perfect router": report["perfect"]}
    for label, row in rows.items():
        correct = (_percent(row[key]) for key in ("accuracy", "accuracy_seen_wordings", "accuracy_fresh_wordings"))
        table.add_row(label, *correct, *_money(row))
    accuracy, saving = report["accuracy_of_dearest"], report["saving_of_perfect"]
    compared = f"{_percent(accuracy)} of the most expensive pool's accuracy"
    table.caption = f"{name}: {compared}, {_percent(saving)} of the perfect router's saving"
    return table


def _money(row: Mapping[str, Any]) -> tuple[str, str]:
    cost = row["mean_cost"]
    return _percent(row["escalated_share"]), "-" if not cost else f"{1000 * cost:.3g}"


def _percent(value: float | None) -> str:
    return "-" if value is None else f"{value:.1%}"
