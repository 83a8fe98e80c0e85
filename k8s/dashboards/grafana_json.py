"""Boards as Grafana's dashboard JSON, by Grafana's own builders."""

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
"""Grafana refuses longer ones."""
LABEL_SOURCES = {
    "pool": 'ray_signalbox_gateway_ongoing{namespace=~"$namespace"}',
    "tenant": 'ray_signalbox_tenant_requests_total{namespace=~"$namespace"}',
}
"""Metrics whose labels are offered as choices."""
INSTANT: tuple[Kind, ...] = ("bars", "table")
"""One value per series, over the time shown."""
HEIGHTS: dict[Kind, int] = {"number": 5, "table": 6}
HEIGHT = 8

PanelBuilder = timeseries.Panel | stat.Panel | bargauge.Panel | statetimeline.Panel | table.Panel


def uid_of(fleet: str, board: Board) -> str:
    """A board's uid: the same for every push of a fleet, and another one for every fleet."""
    uid = f"{fleet}-{board.key}"
    if len(uid) <= LONGEST_UID:
        return uid
    digest = hashlib.sha256(fleet.encode()).hexdigest()[:8]
    return f"{fleet[: LONGEST_UID - len(board.key) - len(digest) - 2]}-{digest}-{board.key}"


def as_json(fleet: str, board: Board) -> dict[str, Any]:
    """A board's JSON, as Grafana's API and its provisioning take it."""
    builder = (
        dashboard.Dashboard(f"{fleet}: {board.title}")
        .uid(uid_of(fleet, board))
        .description(board.text)
        .tags(["signalbox", _tag(fleet)])
        .tooltip(model.DashboardCursorSync.CROSSHAIR)
        .time("now-1h", "now")
        .refresh("30s")
        .link(_link_to_the_others(fleet))
        .with_variable(dashboard.DatasourceVariable("datasource").label("Prometheus").type("prometheus"))
        .with_variable(_choice("namespace", "ray_signalbox_gateway_ongoing"))
    )
    for label in board.filters:
        builder.with_variable(_choice(label, LABEL_SOURCES[label]))
    number = 0
    for title, row in board.rows:
        number += 1
        builder.with_row(dashboard.Row(title).id(number))
        for panel in row:
            number += 1
            builder.with_panel(_panel(panel).id(number))
    found: dict[str, Any] = json.loads(json.dumps(builder.build(), cls=JSONEncoder))
    return found


def _tag(fleet: str) -> str:
    """What all dashboards of a fleet have in common, and no others."""
    return f"fleet:{fleet}"


def _link_to_the_others(fleet: str) -> dashboard.DashboardLink:
    return (
        dashboard.DashboardLink("Dashboards")
        .type(model.DashboardLinkType.DASHBOARDS)
        .tags([_tag(fleet)])
        .include_vars(True)
        .keep_time(True)
    )


def _choice(label: str, metric: str) -> dashboard.QueryVariable:
    """A template variable; All matches series without the label as well, such as those of a laptop's fleet."""
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
    if panel.kind != "number":  # whose colour says whether it is well
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
    """Lines above 0 where they are, stacked where the parts make a whole, with a dashed line where the alarm is."""
    several = common.VizTooltipOptions().mode(common_model.TooltipDisplayMode.MULTI)
    builder.axis_soft_min(0).tooltip(several.sort(common_model.SortOrder.DESCENDING))
    builder.legend(common.VizLegendOptions().show_legend(True).placement(common_model.LegendPlacement.BOTTOM))
    if panel.kind == "area":
        builder.fill_opacity(30).stacking(common.StackingConfig().mode(common_model.StackingMode.NORMAL))
    if panel.alarm is not None:
        dashed = common_model.GraphThresholdsStyleMode.DASHED
        builder.thresholds_style(common.GraphThresholdsStyleConfig().mode(dashed))


def _thresholds(panel: Panel) -> dashboard.ThresholdsConfig:
    good, bad = ("red", "green") if panel.alarm_below else ("green", "red")
    steps = [model.Threshold(value=None, color=good)]
    if panel.alarm is not None:
        steps.append(model.Threshold(value=panel.alarm, color=bad))
    return dashboard.ThresholdsConfig().mode(model.ThresholdsMode.ABSOLUTE).steps(steps)


def _target(query: Query, kind: Kind) -> prometheus.Dataquery:
    target = prometheus.Dataquery().datasource(SOURCE).expr(query.expr).legend_format(query.legend)
    if kind == "table":
        target.format(PromQueryFormat.TABLE)
    return target.instant() if kind in INSTANT else target.range()
