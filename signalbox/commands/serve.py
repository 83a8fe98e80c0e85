"""`signalbox serve`: start a fleet on this machine, or on a Ray cluster that runs, until Ctrl-C."""

from __future__ import annotations

from typing import Annotated

import typer

from cluster.spec import FleetSpec, LogLevel
from deployments.local.fleet import LocalFleet
from deployments.preflight import model_problems, quality_problems
from deployments.start_watch import FleetFailed
from signalbox.console import FAILED, WRONG_INPUT, SpecArgument, err, exit_on, fail, load_or_exit, out
from signalbox.serving import serve_until_stopped


def serve(
    spec: SpecArgument,
    port: Annotated[int | None, typer.Option(help="HTTP port, instead of the spec's.", min=1, max=65_535)] = None,
    ready_timeout_s: Annotated[
        float, typer.Option(help="Seconds that the pools may take to become ready.", min=1, max=1e6)
    ] = 900.0,
    log_level: Annotated[LogLevel | None, typer.Option(help="Lowest level to log, instead of the spec's.")] = None,
) -> None:
    """Start a Ray cluster with the fleet on this machine, until Ctrl-C."""
    fleet = _changed(load_or_exit(spec), port, log_level)
    if problems := [*model_problems(fleet), *quality_problems(fleet)]:
        fail("\n".join(problems), WRONG_INPUT)
    with exit_on(FleetFailed, status=FAILED):
        local = LocalFleet(fleet)
    raise typer.Exit(serve_until_stopped(local, ready_timeout_s, out, err))


def _changed(spec: FleetSpec, port: int | None, log_level: LogLevel | None) -> FleetSpec:
    """The spec with what the options replace in it."""
    if port is not None:
        spec = spec.model_copy(update={"gateway": spec.gateway.model_copy(update={"port": port})})
    return spec if log_level is None else spec.model_copy(update={"log_level": log_level})
