"""What `signalbox router eval` prints: a table for each file, JSON, and plots in one HTML file that works offline."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.box import SIMPLE_HEAD
from rich.table import Table

from training.judge.frontier import hull
from training.judge.report import FileReport

METRICS = ("apgr", "cpt50", "cpt80", "gain_share", "aiq", "ece", "budget_error_pp")
HEADINGS = {"gain_share": "gain\nshare", "budget_error_pp": "budget\npp"}
COLORS = {
    "signalbox": "#1b9e77",
    "compared": "#7570b3",
    "random": "#bbbbbb",
    "length": "#a6761d",
    "prior": "#e6ab02",
    "litellm": "#d95f02",
    "oracle": "#333333",
}
TIER_COLORS = {"small": "#7f7f7f", "moe": "#d95f02", "large": "#1b9e77"}


def as_json(reports: Sequence[FileReport], latency_us: dict[str, float]) -> dict[str, Any]:
    """Metrics by file and method; `_ci` are 95% bootstrap intervals, `_difference_ci` of compared - signalbox."""
    files = {report.stem: _methods(report) for report in reports}
    return files | {"latency_us": latency_us}


def table(report: FileReport) -> Table:
    """One file's methods, with 95% intervals where they exist."""
    title = f"{report.stem}: {report.queries} queries, {' < '.join(report.tiers)}"
    made = Table(title=title, box=SIMPLE_HEAD, pad_edge=False)
    made.add_column("method", no_wrap=True)
    for metric in METRICS:
        made.add_column(HEADINGS.get(metric, metric), justify="right", no_wrap=True)
    for name, values in _methods(report).items():
        made.add_row(name, *(_cell(values[metric], values.get(f"{metric}_ci")) for metric in METRICS))
    notes = []
    if report.trained_on:
        notes.append("signalbox was trained on this file: these are not test results, use --cv to get some")
    if report.differences:
        shown = ", ".join(f"{name} {low:+.3f} to {high:+.3f}" for name, (low, high) in report.differences.items())
        notes.append(f"compared - signalbox (95%): {shown}")
    made.caption = "\n".join(notes)
    return made


def write_plots(reports: Sequence[FileReport], path: Path) -> None:
    """For each file: quality over cost of every method, and calibration of the predicted probabilities."""
    from plotly.subplots import make_subplots

    titles = [title for report in reports for title in (f"{report.stem}: quality over cost", "calibration")]
    figure = make_subplots(rows=len(reports), cols=2, column_widths=[0.65, 0.35], subplot_titles=titles)
    for row, report in enumerate(reports, start=1):
        _plot_curves(figure, report, row)
        _plot_reliability(figure, report, row)
    figure.update_layout(title="Routers compared", template="plotly_white", height=100 + 480 * len(reports))
    figure.write_html(path, include_plotlyjs=True)


def _methods(report: FileReport) -> dict[str, dict[str, Any]]:
    nothing: dict[str, Any] = dict.fromkeys(METRICS)
    methods = {
        name: (asdict(scores) if scores else nothing) | {"budget_error_pp": report.budget_error_pp.get(name)}
        for name, scores in report.scores.items()
    }
    methods["signalbox"]["trained_on"] = report.trained_on
    if "compared" in methods:
        methods["compared"] |= {f"{name}_difference_ci": list(ci) for name, ci in report.differences.items()}
    return methods


def _cell(value: float | None, interval: Sequence[float] | None) -> str:
    if value is None:
        return "-"
    return f"{value:.3f}" + (f"\n[dim]{interval[0]:.2f}..{interval[1]:.2f}[/dim]" if interval else "")


def _plot_curves(figure: Any, report: FileReport, row: int) -> None:
    cost, quality = report.single_tiers
    static = hull(cost, quality)
    figure.add_scatter(
        x=cost[static], y=quality[static], name="fixed mixes", line={"dash": "dot", "color": "#333333"},
        legendgroup="fixed mixes", showlegend=row == 1, row=row, col=1,
    )  # fmt: skip
    figure.add_scatter(
        x=cost, y=quality, text=report.tiers, mode="markers+text", textposition="bottom right", name="single tiers",
        marker={"color": "#333333", "size": 9}, legendgroup="tiers", showlegend=row == 1, row=row, col=1,
    )  # fmt: skip
    for name, (costs, qualities) in report.curves.items():
        kept = hull(costs, qualities)
        figure.add_scatter(
            x=costs[kept], y=qualities[kept], name=name, line={"color": COLORS[name]},
            legendgroup=name, showlegend=row == 1, row=row, col=1,
        )  # fmt: skip
    figure.update_xaxes(title_text="mean cost of a request", row=row, col=1)
    figure.update_yaxes(title_text="mean quality", row=row, col=1)


def _plot_reliability(figure: Any, report: FileReport, row: int) -> None:
    figure.add_scatter(
        x=[0, 1], y=[0, 1], name="perfect", line={"dash": "dot", "color": "#333333"}, showlegend=False, row=row, col=2
    )
    for tier, (said, was, count) in report.reliability.items():
        figure.add_scatter(
            x=said, y=was, text=count, name=f"P(good), {tier}", mode="lines+markers", line={"color": TIER_COLORS[tier]},
            legendgroup=f"calibration {tier}", showlegend=row == 1, row=row, col=2,
        )  # fmt: skip
    figure.update_xaxes(title_text="predicted", range=[0, 1], row=row, col=2)
    figure.update_yaxes(title_text="observed", range=[0, 1], row=row, col=2)
