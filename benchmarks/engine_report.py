"""The measurements of `signalbox bench engines` as a table, as JSON and as charts."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path

from rich.table import Table

from benchmarks.engines import ENGINES, Row


def table(rows: list[Row]) -> Table:
    """All measurements. CPU seconds are per 1000 generated tokens, memory is that of the replica and its ranks."""
    made = Table(title="engines compared")
    columns = ("concurrency", "tokens/s", "TTFT p50", "p99 ms", "TPOT ms", "CPU s/1k", "MiB")
    made.add_column("engine")
    for column in columns:
        made.add_column(column, justify="right")
    for row in rows:
        made.add_row(
            row.engine,
            str(row.concurrency),
            f"{row.tokens_per_s:.0f}",
            f"{1e3 * row.ttft_p50_s:.0f}",
            f"{1e3 * row.ttft_p99_s:.0f}",
            f"{1e3 * row.tpot_p50_s:.1f}",
            f"{row.cpu_s_per_1k_tokens:.2f}",
            f"{row.memory_mib:.0f}",
        )
    return made


def as_json(rows: list[Row]) -> str:
    """All measurements; field names have the units."""
    return json.dumps([asdict(row) for row in rows], indent=2)


PLOTTED = {
    "tokens_per_s": "tokens per second",
    "ttft_p50_s": "TTFT p50 in s",
    "tpot_p50_s": "TPOT p50 in s",
    "memory_mib": "memory in MiB",
}


def write_plot(rows: list[Row], path: Path) -> None:
    """Write four charts over concurrency into one HTML file that works offline."""
    from plotly.subplots import make_subplots

    figure = make_subplots(rows=2, cols=2, subplot_titles=list(PLOTTED.values()))
    colors = dict(zip(ENGINES, ("#7f7f7f", "#d95f02", "#1b9e77"), strict=True))
    for index, name in enumerate(PLOTTED):
        for engine in ENGINES:
            mine = [row for row in rows if row.engine == engine]
            figure.add_scatter(
                x=[str(row.concurrency) for row in mine],
                y=[getattr(row, name) for row in mine],
                name=engine,
                line={"color": colors[engine]},
                legendgroup=engine,
                showlegend=index == 0,
                row=index // 2 + 1,
                col=index % 2 + 1,
            )
    figure.update_xaxes(title_text="concurrent requests", type="category")
    figure.update_yaxes(rangemode="tozero")
    figure.update_layout(title="Engines compared", template="plotly_white", height=800)
    figure.write_html(path, include_plotlyjs=True)
