"""Pictures of the dashboards' panels, drawn from the same queries: Prometheus, plotly, headless Chromium.

    signalbox monitor SPEC &                                      # while a fleet under load runs
    python -m benchmarks.dashboard_pictures SPEC --minutes 10     # writes docs/images/dashboards/*.png

Grafana draws them nicer; that it has data to draw is what these show.
"""

from __future__ import annotations

import html
import json
import math
import re
import time
from pathlib import Path
from typing import Annotated, Any

import httpx
import plotly.graph_objects as go
import plotly.offline
import typer
from playwright.sync_api import sync_playwright

from cluster.loading import load_spec
from deployments.local.programs import find
from k8s.dashboards import boards
from k8s.dashboards.panels import Board, Panel, Query, without_grafana

OUTPUT = Path(__file__).parent.parent / "docs" / "images" / "dashboards"
WIDTH_PX = 1400
POINTS = 120
HEIGHTS_PX = {"number": 110, "table": 160}
HEIGHT_PX = 220
TIMEOUT_S = 300
COLOURS = ("#636efa", "#ef553b", "#00a98f", "#ab63fa", "#ff9040", "#19b5e8", "#d6428a", "#7a9a01", "#8c6d31", "#5a5a5a")
STYLE = """
body { margin: 12px; background: #f4f5f5; font: 13px 'DejaVu Sans', sans-serif; color: #24292e }
h1 { font-size: 18px; margin: 0 0 8px } h2 { font-size: 13px; margin: 6px 0 0; grid-column: span 24 }
main { display: grid; grid-template-columns: repeat(24, 1fr); gap: 8px }
section { background: #fff; border: 1px solid #d8dadd; padding: 6px 8px; overflow: hidden }
b { font-weight: 600; font-size: 12px } .number { font-size: 34px; text-align: center; padding-top: 18px }
td { padding: 1px 12px 1px 0; font-size: 11px }
"""

Series = list[tuple[str, list[float], list[float]]]
"""Name, Unix times and values."""


class Source:
    """A Prometheus and the stretch of time that is shown."""

    def __init__(self, url: str, minutes: float, ago_s: float) -> None:
        self._api = f"{url.rstrip('/')}/api/v1"
        self.end_s = time.time() - ago_s
        self.span_s = 60 * minutes

    def series(self, query: Query) -> Series:
        """A query's series over the stretch, those without a number left out."""
        expr = without_grafana(query.expr, "1m", f"{self.span_s:.0f}s")
        asked: dict[str, str | float] = {
            "query": expr,
            "start": self.end_s - self.span_s,
            "end": self.end_s,
            "step": self.span_s / POINTS,
        }
        answer = httpx.get(f"{self._api}/query_range", params=asked, timeout=60)
        answer.raise_for_status()
        found = []
        for one in answer.json()["data"]["result"]:
            points = [(at, float(value)) for at, value in one["values"] if math.isfinite(float(value))]
            if points:
                found.append((_name(query.legend, one["metric"]), *map(list, zip(*points, strict=True))))
        return sorted(found)  # type: ignore[arg-type]


def _name(legend: str, labels: dict[str, str]) -> str:
    """A series' name: the legend with labels put in, or all labels where there is no legend."""
    if not legend:
        return " ".join(f"{key}={value}" for key, value in sorted(labels.items()) if key != "__name__") or "value"
    for key, value in labels.items():
        legend = legend.replace(f"{{{{{key}}}}}", value)
    return re.sub(r"\{\{\w+\}\}", "none", legend)


SKELETON = f"<html><meta charset=utf-8><style>{STYLE}</style><h1></h1><main></main></html>"
FILL = """async ([title, parts, figures]) => {
  document.querySelector('h1').textContent = title;
  document.querySelector('main').innerHTML = parts;
  for (const [id, figure] of Object.entries(figures))
    await Plotly.newPlot(id, figure.data, figure.layout, {staticPlot: true});
}"""


class Drawing:
    """A board on its way to a picture."""

    def __init__(self, board: Board, source: Source) -> None:
        self.parts: list[str] = []
        self.figures: dict[str, Any] = {}
        self._colours: dict[str, str] = {}
        for title, row in board.rows:
            self.parts.append(f"<h2>{html.escape(title)}</h2>")
            for panel in row:
                self._add(panel, [one for query in panel.queries for one in source.series(query)])

    def _add(self, panel: Panel, series: Series) -> None:
        """A panel as HTML, with a chart that is drawn later where it has one."""
        height = HEIGHTS_PX.get(panel.kind, HEIGHT_PX)
        if not series:
            body = "<div class=number>no data</div>"
        elif panel.kind == "number":
            body = f"<div class=number>{_in_units(series[0][2][-1], panel.unit)}</div>"
        elif panel.kind == "table":
            body = f"<table>{''.join(f'<tr><td>{html.escape(name)}</td></tr>' for name, _, _ in series)}</table>"
        else:
            name = f"figure{len(self.figures)}"
            self.figures[name] = json.loads(self._figure(panel, series, height).to_json())
            body = f'<div id="{name}"></div>'
        style = f"grid-column: span {panel.width}; height: {height + 22}px"
        self.parts.append(f'<section style="{style}"><b>{html.escape(panel.title)}</b>{body}</section>')

    def _colour(self, name: str) -> str:
        """The same colour for the same name in every panel."""
        return self._colours.setdefault(name, COLOURS[len(self._colours) % len(COLOURS)])

    def _figure(self, panel: Panel, series: Series, height: int) -> go.Figure:
        figure = go.Figure()
        for name, times, values in series:
            colour = self._colour(name)
            if panel.kind == "bars":
                figure.add_bar(y=[name], x=[values[-1]], orientation="h", marker={"color": colour})
            elif panel.kind == "states":
                squares = {"symbol": "square", "size": 7, "color": colour}
                figure.add_scatter(x=_clock(times), y=[name] * len(times), mode="markers", marker=squares)
            else:
                stacked: dict[str, Any] = {"stackgroup": "all"} if panel.kind == "area" else {}
                line = {"width": 1.5, "color": colour}
                figure.add_scatter(x=_clock(times), y=values, name=name, mode="lines", line=line, **stacked)
        _dress(figure, panel, height)
        if panel.alarm is not None and max(max(values) for _, _, values in series) > panel.alarm / 3:
            figure.add_hline(y=panel.alarm, line={"dash": "dash", "color": "red", "width": 1})
        return figure


def _dress(figure: go.Figure, panel: Panel, height: int) -> None:
    """Axes, legend and margins."""
    figure.update_layout(
        height=height,
        margin={"l": 45, "r": 8, "t": 6, "b": 20},
        template="plotly_white",
        font={"size": 10},
        legend={"orientation": "h", "y": -0.2, "font": {"size": 9}},
        showlegend=panel.kind in ("lines", "area"),
    )
    values_axis = figure.update_xaxes if panel.kind == "bars" else figure.update_yaxes
    if panel.kind != "states":
        values_axis(tickformat=".0%" if panel.unit == "percentunit" else None, rangemode="tozero")
    if panel.kind != "bars":
        figure.update_xaxes(tickformat="%H:%M:%S", nticks=6)


def _in_units(value: float, unit: str) -> str:
    return f"{value:.1%}" if unit == "percentunit" else f"{value:.3g}"


def _clock(times: list[float]) -> list[str]:
    return [time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(at)) for at in times]


def main(
    spec: Annotated[Path, typer.Argument(help="The fleet's spec.")],
    prometheus: Annotated[str, typer.Option(help="A Prometheus that has watched it.")] = "http://127.0.0.1:9090",
    minutes: Annotated[float, typer.Option(help="The stretch of time to show.")] = 10.0,
    ago_s: Annotated[float, typer.Option(help="How many seconds ago it ended.")] = 0.0,
    output: Annotated[Path, typer.Option(help="Folder of the pictures.")] = OUTPUT,
) -> None:
    """Draw every dashboard."""
    chromium = find("chromium")
    if chromium is None:
        raise typer.BadParameter("chromium is neither in .venv/tools/bin nor on PATH")
    fleet = load_spec(spec)
    source = Source(prometheus, minutes, ago_s)
    drawings = {board: Drawing(board, source) for board in boards(fleet)}
    output.mkdir(parents=True, exist_ok=True)
    with sync_playwright() as play:
        browser = play.chromium.launch(executable_path=chromium, chromium_sandbox=False, args=["--disable-gpu"])
        view = browser.new_page(viewport={"width": WIDTH_PX, "height": 800})
        view.set_default_timeout(1_000 * TIMEOUT_S)
        view.set_content(SKELETON)
        view.add_script_tag(content=plotly.offline.get_plotlyjs())
        for board, drawing in drawings.items():
            view.evaluate(FILL, [f"{fleet.name}: {board.title}", "".join(drawing.parts), drawing.figures])
            picture = output / f"{board.key}.png"
            view.screenshot(path=picture, full_page=True)
            print(json.dumps({"picture": str(picture), "kib": picture.stat().st_size // 1024}))
        browser.close()


if __name__ == "__main__":
    typer.run(main)
