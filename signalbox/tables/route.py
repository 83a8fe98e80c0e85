"""What `signalbox route` prints: the pool, the alternatives, the features that mattered, and the reasons."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text


def render_route(data: Mapping[str, Any]) -> RenderableType:
    """A decision in the form of `POST /v1/route`, as tables and sentences."""
    title = Text.assemble("routed to ", (data["pool"], "bold green"), f" (tier {data['tier']}, {data['mode']})")
    shown: list[RenderableType] = [title, _pools(data)] if data["pools"] else [title]
    prediction = data["prediction"]
    if prediction and prediction["features"]:
        shown.append(_features(prediction["features"]))
    return Group(*shown, *(Text(f"because  {reason}") for reason in data["reasons"]))


def _pools(data: Mapping[str, Any]) -> Table:
    table = Table(title=f"pools, best first (lambda {data['cost_lambda']:.4g})")
    for column in ("pool", "tier", "quality", "cost", "quality - lambda x cost"):
        table.add_column(column, justify="left" if column in ("pool", "tier") else "right")
    for name in (data["pool"], *data["alternatives"]):
        pool = data["pools"][name]
        table.add_row(name, pool["tier"], f"{pool['quality']:.3f}", f"{pool['cost']:.3g}", f"{pool['utility']:.3f}")
    return table


def _features(features: list[dict[str, Any]]) -> Table:
    table = Table(title="features that mattered: gain of the large tier over the small one")
    table.add_column("feature")
    table.add_column("adds", justify="right")
    for feature in features:
        table.add_row(Text(feature["name"]), f"{feature['gain']:+.3f}")
    return table
