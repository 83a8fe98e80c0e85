"""`signalbox serve`: start a fleet on this machine, or on a Ray cluster that runs, until Ctrl-C."""

from __future__ import annotations

from typing import Annotated

import typer

from cluster.spec import FleetSpec, LogLevel
from deployments.attached.address import checked_address
from deployments.attached.fleet import AttachedFleet
from deployments.local.fleet import LocalFleet
from deployments.model_checks import model_problems
from deployments.preflight import quality_problems
from signalbox.console import WRONG_INPUT, SpecArgument, err, fail, load_or_exit, options, out
from signalbox.serving import Fleet, serve_until_stopped


def serve(
    spec: SpecArgument,
    port: Annotated[int | None, typer.Option(help="HTTP port, instead of the spec's.", min=1, max=65_535)] = None,
    ready_timeout_s: Annotated[
        float, typer.Option(help="Seconds that the pools may take to become ready.", min=1, max=1e6)
    ] = 900.0,
    address: Annotated[
        str | None,
        typer.Option(help="A running Ray cluster to serve on: auto, HOST:PORT of its head, or ray://HOST:PORT."),
    ] = None,
    log_level: Annotated[LogLevel | None, typer.Option(help="Lowest level to log, instead of the spec's.")] = None,
) -> None:
    """Serve a fleet until Ctrl-C: on a Ray cluster that is started here, or on one that runs already."""
    fleet = _changed(load_or_exit(spec), port, log_level)
    with options():
        place: Fleet = LocalFleet(fleet) if address is None else AttachedFleet(fleet, checked_address(address))
    if problems := [*model_problems(fleet, here=address is None), *quality_problems(fleet)]:
        fail("\n".join(problems), WRONG_INPUT)
    raise typer.Exit(serve_until_stopped(place, ready_timeout_s, out, err))


def _changed(spec: FleetSpec, port: int | None, log_level: LogLevel | None) -> FleetSpec:
    """The spec with what the options replace in it."""
    if port is not None:
        spec = spec.model_copy(update={"gateway": spec.gateway.model_copy(update={"port": port})})
    return spec if log_level is None else spec.model_copy(update={"log_level": log_level})
