"""`signalbox route`: the router's decision for one query, as data and as tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from cluster.spec import FleetSpec
from cluster.wish import parse_wish
from router.decide import Router
from router.explain import explained
from router.quality import QualityModel
from router.requests import from_chat
from router.types import BadRequest, NoPool


class NoRoute(Exception):
    """There is no decision; the message says what to write instead."""


def route_data(spec: FleetSpec, quality: QualityModel, text: str, model: str, wish: str) -> dict[str, Any]:
    """The decision for one query, every pool ready and idle, as `POST /v1/route` says it.

    Args:
        wish: words as in the `x-signalbox-route` header; the model name's own come first.

    Raises:
        NoRoute: a word, a name or a query that cannot be routed.
    """
    try:
        ask = from_chat({"model": model, "messages": [{"role": "user", "content": text}]})
        wished = ask.wish.over(parse_wish(wish).over(parse_wish(spec.routing.default)))
        ask = replace(ask, wish=wished)
        router = Router(spec, quality)
        return explained(router, ask, router.decide(ask, None, 0.0))
    except (BadRequest, NoPool) as error:
        raise NoRoute(error.message) from error
    except ValueError as error:
        raise NoRoute(f"--wish: {error}") from error


def render_route(data: Mapping[str, Any]) -> RenderableType:
    """The decision as tables: the pool, what was weighed, what mattered, and the reasons."""
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
    table = Table(title="what mattered: gain of the large tier over the small one")
    table.add_column("feature")
    table.add_column("adds", justify="right")
    for feature in features:
        table.add_row(Text(feature["name"]), f"{feature['gain']:+.3f}")
    return table
