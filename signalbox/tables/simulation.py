"""What `signalbox simulate` shows: tables, JSON, and the fleet over time in one HTML file that works offline."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table

from simulation.fleet import Run
from simulation.series import PoolSeries
from simulation.summary import Summary

COLORS = ("#1b9e77", "#d95f02", "#7570b3", "#e7298a", "#66a61e", "#e6ab02", "#a6761d", "#666666")
"""By pool, in the order of the spec."""
ROWS: dict[str, str] = {
    "requests/s": "arrivals_per_s",
    "replicas (dotted: desired)": "ready",
    "waiting requests": "queue",
    "KV cache usage": "kv_usage_ratio",
}
"""Plots from top to bottom: title, and the field of PoolSeries that they show."""

HEADINGS = ("SLO", "TTFT s\np50", "\np99", "TPOT ms\np50", "\np99", "device\nhours", "cost", "scale\nevents", "shed")


def summary_data(summaries: Mapping[str, Summary], *, alone: bool) -> dict[str, Any]:
    """The numbers of one policy, or of several by name."""
    data = {name: summary.as_json() for name, summary in summaries.items()}
    return next(iter(data.values())) if alone else data


def summary_tables(summaries: Mapping[str, Summary]) -> list[Table]:
    """A row for each policy; with one policy, its pools as well."""
    first = next(iter(summaries.values()))
    table = Table(title=f"{first.requests:,} requests", box=SIMPLE_HEAD, padding=(0, 1, 0, 0), pad_edge=False)
    table.add_column("policy", no_wrap=True)
    for name in HEADINGS:
        table.add_column(name, justify="right", no_wrap=True)
    for policy, summary in summaries.items():
        table.add_row(policy, *_cells(summary))
    table.caption = f"minimum replicas of all pools take {first.floor_device_hours:.1f} device-hours"
    return [table, _pool_table(first)] if len(summaries) == 1 else [table]


def _cells(summary: Summary) -> list[str]:
    return [
        f"{summary.slo_attainment:.2%}",
        _number(summary.ttft_p50_s, 1, 2),
        _number(summary.ttft_p99_s, 1, 2),
        _number(summary.tpot_p50_s, 1e3, 0),
        _number(summary.tpot_p99_s, 1e3, 0),
        f"{summary.device_hours:.2f}",
        f"{summary.cost:.2f}",
        str(summary.scale_events),
        f"{summary.shed:,}",
    ]


def _number(value: float | None, factor: float, digits: int) -> str:
    return "-" if value is None else f"{value * factor:.{digits}f}"


def _pool_table(summary: Summary) -> Table:
    table = Table("pool", box=SIMPLE_HEAD, pad_edge=False)
    for name in ("requests", "SLO", "device-h", "most replicas"):
        table.add_column(name, justify="right")
    for pool, numbers in summary.by_pool.items():
        table.add_row(
            pool,
            f"{numbers['requests']:,}",
            f"{numbers['slo_attainment']:.2%}",
            f"{numbers['device_hours']:.2f}",
            str(numbers["most_replicas"]),
        )
    return table


def write_plot(runs: Mapping[str, Run], path: Path) -> None:
    """Load, replicas, queue and KV cache of every pool over time, a column for each policy."""
    from plotly.subplots import make_subplots

    figure = make_subplots(
        rows=len(ROWS),
        cols=len(runs),
        shared_xaxes="all",
        shared_yaxes="rows",
        vertical_spacing=0.04,
        column_titles=list(runs),
    )
    for column, run in enumerate(runs.values(), start=1):
        for place, (pool, series) in enumerate(run.series.pools.items()):
            color = COLORS[place % len(COLORS)]
            minutes = [at_s / 60 for at_s in run.series.at_s]
            _draw(figure, column, pool, series, minutes, color)
        figure.update_xaxes(title_text="minutes", row=len(ROWS), col=column)
    for row, title in enumerate(ROWS, start=1):
        figure.update_yaxes(title_text=title, row=row, col=1, rangemode="tozero")
    figure.update_layout(template="plotly_white", height=900, width=max(1_000, 450 * len(runs)), hovermode="x")
    figure.write_html(path, include_plotlyjs=True)


def _draw(figure: Any, column: int, pool: str, series: PoolSeries, minutes: list[float], color: str) -> None:
    for row, field in enumerate(ROWS.values(), start=1):
        figure.add_scattergl(
            x=minutes, y=getattr(series, field), name=pool, line={"color": color, "width": 1.5}, legendgroup=pool,
            showlegend=row == 1 and column == 1, row=row, col=column,
        )  # fmt: skip
        if field == "ready":
            figure.add_scattergl(
                x=minutes, y=series.target, name=f"{pool} desired", line={"color": color, "width": 1, "dash": "dot"},
                legendgroup=pool, showlegend=False, row=row, col=column,
            )  # fmt: skip
