"""`signalbox dashboards`: a fleet's Grafana dashboards as files, or in a running Grafana."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Annotated

import typer

from signalbox.console import DEFAULT_SPEC, FAILED, WRONG_INPUT, SpecArgument, exit_on, fail, load_or_exit, out

PACKAGES = ("grafana_foundation_sdk", "grafana_api")
"""Packages that a node's image does not have."""
TOKEN_VARIABLE = "GRAFANA_TOKEN"

dashboards = typer.Typer(name="dashboards", no_args_is_help=True)


@dashboards.callback()
def needs_packages() -> None:
    """Grafana dashboards of a fleet, generated from its spec."""
    if missing := next((name for name in PACKAGES if importlib.util.find_spec(name) is None), None):
        fail(f"{missing} is not installed here: pip install -e '.[k8s]'", WRONG_INPUT)


@dashboards.command()
def export(
    folder: Annotated[Path, typer.Argument(help="Folder for the files; created if it does not exist.")],
    spec: SpecArgument = DEFAULT_SPEC,
) -> None:
    """Write each dashboard as a JSON file, for Grafana's import or its provisioning."""
    from k8s.dashboards import build

    fleet = load_or_exit(spec)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for uid, dashboard in build(fleet).items():
            path = folder / f"{uid}.json"
            path.write_text(json.dumps(dashboard, indent=2, sort_keys=True) + "\n")
            _print(str(path))
    except OSError as error:
        fail(f"{folder}: cannot be written ({error.strerror}): use another folder", WRONG_INPUT)


@dashboards.command()
def push(
    spec: SpecArgument = DEFAULT_SPEC,
    url: Annotated[str, typer.Option(help="Grafana's address.")] = "http://127.0.0.1:3000",
    token: Annotated[
        str, typer.Option(help="Token of a service account with the role Editor.", envvar=TOKEN_VARIABLE)
    ] = "",
    prometheus: Annotated[
        str | None,
        typer.Option(help="Address at which Grafana finds Prometheus: creates a datasource, which needs role Admin."),
    ] = None,
) -> None:
    """Create or update the fleet's folder and dashboards in a Grafana. A second push changes nothing."""
    from k8s.grafana import Grafana, GrafanaRefused

    fleet = load_or_exit(spec)
    with exit_on(GrafanaRefused, status=FAILED):
        for change in Grafana(url, token.strip()).push(fleet, prometheus):
            _print(f"{change.outcome:9}  {change.kind} {change.name}")


def _print(line: str) -> None:
    out.print(line, highlight=False, markup=False, soft_wrap=True)
