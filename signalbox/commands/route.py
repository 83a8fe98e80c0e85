"""`signalbox route`: the router's decision for one query, without a fleet."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer

from cluster.spec import FleetSpec
from cluster.wish import parse_wish
from router.decide import Router
from router.explain import explained
from router.loading import BadQualityModel, load_quality
from router.quality import QualityModel
from router.requests import from_chat
from router.types import BadRequest, NoPool
from signalbox.console import DEFAULT_SPEC, FAILED, exit_on, load_or_exit, out
from signalbox.tables.route import render_route


class NoRoute(Exception):
    """There is no decision; the message says what to use instead."""


def route(
    text: Annotated[str, typer.Argument(help="A query.")],
    spec: Annotated[Path, typer.Option(help="The fleet spec to route for.")] = DEFAULT_SPEC,
    model: Annotated[str, typer.Option(help="`auto`, or a name that pins a pool.")] = "auto",
    wish: Annotated[str, typer.Option(help="Preferences such as cheap, best, quality=0.9, cost=0.001.")] = "",
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, as POST /v1/route returns it.")] = False,
) -> None:
    """Show which pool a query is routed to, and why. Needs no running fleet: every pool counts as ready and idle."""
    fleet = load_or_exit(spec)
    with exit_on(NoRoute, BadQualityModel, status=FAILED):
        data = route_data(fleet, load_quality(fleet), text, model, wish)
    out.print_json(data=data) if as_json else out.print(render_route(data))


def route_data(spec: FleetSpec, quality: QualityModel, text: str, model: str, wish: str) -> dict[str, Any]:
    """The decision for one query with every pool ready and idle, in the form of `POST /v1/route`.

    Args:
        wish: preferences as in the `x-signalbox-route` header; those in the model name take precedence.

    Raises:
        NoRoute: a preference or a model name is unknown, or the query cannot be routed.
    """
    try:
        request = from_chat({"model": model, "messages": [{"role": "user", "content": text}]})
        wished = request.wish.over(parse_wish(wish).over(parse_wish(spec.routing.default)))
        request = replace(request, wish=wished)
        router = Router(spec, quality)
        return explained(router, request, router.decide(request, None, 0.0))
    except (BadRequest, NoPool) as error:
        raise NoRoute(error.message) from error
    except ValueError as error:
        raise NoRoute(f"--wish: {error}") from error
