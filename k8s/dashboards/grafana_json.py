"""Converts boards into Grafana's dashboard JSON, with Grafana's own builders."""

from __future__ import annotations

import hashlib
import json
from typing import Any

from grafana_foundation_sdk.builders import (
    bargauge,
    common,
    dashboard,
    prometheus,
    stat,
    statetimeline,
    table,
    timeseries,
)
from grafana_foundation_sdk.cog.encoder import JSONEncoder
from grafana_foundation_sdk.models import common as common_model
from grafana_foundation_sdk.models import dashboard as model
from grafana_foundation_sdk.models.prometheus import PromQueryFormat

from k8s.dashboards.panels import Board, Kind, Panel, Query

SOURCE = common_model.DataSourceRef(type_val="prometheus", uid="${datasource}")
LONGEST_UID = 40
"""Grafana rejects longer uids."""
LABEL_SOURCES = {
    "pool": 'ray_signalbox_gateway_ongoing{namespace=~"$namespace"}',
    "tenant": 'ray_signalbox_tenant_requests_total{namespace=~"$namespace"}',
}
"""Metric whose label values fill each selector."""
INSTANT: tuple[Kind, ...] = ("bars", "table")
"""Kinds that show one value per series, for the displayed time range."""
HEIGHTS: dict[Kind, int] = {"number": 5, "table": 6}
HEIGHT = 8

PanelBuilder = timeseries.Panel | stat.Panel | bargauge.Panel | statetimeline.Panel | table.Panel


def uid_of(fleet: str, board: Board) -> str:
    """A board's uid: constant for a fleet, different for every fleet."""
    uid = f"{fleet}-{board.key}"
    if len(uid) <= LONGEST_UID:
        return uid
    digest = hashlib.sha256(fleet.encode()).hexdigest()[:8]
    return f"{fleet[: LONGEST_UID - len(board.key) - len(digest) - 2]}-{digest}-{board.key}"


def as_json(fleet: str, board: Board) -> dict[str, Any]:
    """A board's JSON, for Grafana's API and provisioning."""
    builder = (
        dashboard.Dashboard(f"{fleet}: {board.title}")
        .uid(uid_of(fleet, board))
        .description(board.text)
        .tags(["signalbox", _tag(fleet)])
        .tooltip(model.DashboardCursorSync.CROSSHAIR)
        .time("now-1h", "now")
        .refresh("30s")
        .link(_link_to_other_boards(fleet))
        .with_variable(dashboard.DatasourceVariable("datasource").label("Prometheus").type("prometheus"))
        .with_variable(_choice("namespace", "ray_signalbox_gateway_ongoing"))
    )
    for label in board.filters:
        builder.with_variable(_choice(label, LABEL_SOURCES[label]))
    panel_id = 0
    for title, row in board.rows:
        panel_id += 1
        builder.with_row(dashboard.Row(title).id(panel_id))
        for panel in row:
            panel_id += 1
            builder.with_panel(_panel(panel).id(panel_id))
    content: dict[str, Any] = json.loads(json.dumps(builder.build(), cls=JSONEncoder))
    return content


def _tag(fleet: str) -> str:
    """The tag that only the dashboards of this fleet have."""
    return f"fleet:{fleet}"


def _link_to_other_boards(fleet: str) -> dashboard.DashboardLink:
    return (
        dashboard.DashboardLink("Dashboards")
        .type(model.DashboardLinkType.DASHBOARDS)
        .tags([_tag(fleet)])
        .include_vars(True)
        .keep_time(True)
    )


def _choice(label: str, metric: str) -> dashboard.QueryVariable:
    """A template variable. "All" also matches series without the label, such as those of a laptop fleet."""
    return (
        dashboard.QueryVariable(label)
        .datasource(SOURCE)
        .query(f"label_values({metric}, {label})")
        .definition(f"label_values({metric}, {label})")
        .multi(True)
        .include_all(True)
        .all_value(".*")
        .current(model.VariableOption(text="All", value="$__all", selected=True))
        .refresh(model.VariableRefresh.ON_TIME_RANGE_CHANGED)
        .sort(model.VariableSort.ALPHABETICAL_ASC)
    )


def _panel(panel: Panel) -> PanelBuilder:
    builder = (
        _of_kind(panel.kind)
        .title(panel.title)
        .description(panel.text)
        .datasource(SOURCE)
        .unit(panel.unit)
        .span(panel.width)
        .height(HEIGHTS.get(panel.kind, HEIGHT))
        .thresholds(_thresholds(panel))
    )
    for index, query in enumerate(panel.queries):
        builder.with_target(_target(query, panel.kind).ref_id(chr(ord("A") + index)))
    if isinstance(builder, timeseries.Panel):
        _draw(builder, panel)
    if panel.kind != "number":  # a number's colour shows whether the value is good
        builder.color_scheme(dashboard.FieldColor().mode(model.FieldColorModeId.PALETTE_CLASSIC_BY_NAME))
    return builder


def _of_kind(kind: Kind) -> PanelBuilder:
    newest = common.ReduceDataOptions().calcs(["lastNotNull"])
    if kind == "number":
        return stat.Panel().reduce_options(newest).graph_mode(common_model.BigValueGraphMode.AREA)
    if kind == "bars":
        return bargauge.Panel().reduce_options(newest).orientation(common_model.VizOrientation.HORIZONTAL)
    if kind == "states":
        return statetimeline.Panel().show_value(common_model.VisibilityMode.NEVER)
    return table.Panel() if kind == "table" else timeseries.Panel()


def _draw(builder: timeseries.Panel, panel: Panel) -> None:
    """Set the style of lines: the axis starts at 0 or below, areas are stacked, the alarm is a dashed line."""
    tooltip = common.VizTooltipOptions().mode(common_model.TooltipDisplayMode.MULTI)
    builder.axis_soft_min(0).tooltip(tooltip.sort(common_model.SortOrder.DESCENDING))
    builder.legend(common.VizLegendOptions().show_legend(True).placement(common_model.LegendPlacement.BOTTOM))
    if panel.kind == "area":
        builder.fill_opacity(30).stacking(common.StackingConfig().mode(common_model.StackingMode.NORMAL))
    if panel.alarm is not None:
        dashed = common_model.GraphThresholdsStyleMode.DASHED
        builder.thresholds_style(common.GraphThresholdsStyleConfig().mode(dashed))


def _thresholds(panel: Panel) -> dashboard.ThresholdsConfig:
    below, above = ("red", "green") if panel.alarm_below else ("green", "red")
    steps = [model.Threshold(value=None, color=below)]
    if panel.alarm is not None:
        steps.append(model.Threshold(value=panel.alarm, color=above))
    return dashboard.ThresholdsConfig().mode(model.ThresholdsMode.ABSOLUTE).steps(steps)


def _target(query: Query, kind: Kind) -> prometheus.Dataquery:
    target = prometheus.Dataquery().datasource(SOURCE).expr(query.expr).legend_format(query.legend)
    if kind == "table":
        target.format(PromQueryFormat.TABLE)
    return target.instant() if kind in INSTANT else target.range()
