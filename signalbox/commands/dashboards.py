"""`signalbox dashboards`: a fleet's Grafana dashboards as files, or into a running Grafana."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from signalbox.console import DEFAULT_SPEC, load_or_exit

PACKAGES = ("grafana_foundation_sdk", "grafana_api")
"""What a node's image does without."""
TOKEN_VARIABLE = "GRAFANA_TOKEN"

group = typer.Typer(no_args_is_help=True)
out = Console(soft_wrap=True)
err = Console(stderr=True, soft_wrap=True)

SpecOption = Annotated[Path, typer.Argument(help="The fleet spec, a YAML file.")]


@group.callback()
def needs_packages() -> None:
    """Grafana dashboards of a fleet, made from its spec."""
    if missing := next((name for name in PACKAGES if importlib.util.find_spec(name) is None), None):
        err.print(f"{missing} is not installed here: pip install -e '.[k8s]'", style="red", markup=False)
        raise typer.Exit(2)


@group.command()
def export(
    folder: Annotated[Path, typer.Argument(help="Folder to write to; made where it is missing.")],
    spec: SpecOption = DEFAULT_SPEC,
) -> None:
    """Write each dashboard as a JSON file, for Grafana's import or its provisioning."""
    from k8s.dashboards import build

    fleet = load_or_exit(spec)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        for uid, dashboard in build(fleet).items():
            path = folder / f"{uid}.json"
            path.write_text(json.dumps(dashboard, indent=2, sort_keys=True) + "\n")
            out.print(str(path), highlight=False, markup=False)
    except OSError as error:
        err.print(f"{folder}: cannot be written ({error.strerror}): write another folder", style="red", markup=False)
        raise typer.Exit(2) from error


@group.command()
def push(
    spec: SpecOption = DEFAULT_SPEC,
    url: Annotated[str, typer.Option(help="Grafana's address.")] = "http://127.0.0.1:3000",
    token: Annotated[
        str, typer.Option(help="Token of a service account with the role Editor.", envvar=TOKEN_VARIABLE)
    ] = "",
    prometheus: Annotated[
        str | None,
        typer.Option(help="Address at which Grafana finds Prometheus: makes a datasource, for which Admin is needed."),
    ] = None,
) -> None:
    """Create or update the fleet's folder and dashboards in a Grafana; a second push changes nothing."""
    from k8s.grafana import Grafana, GrafanaRefused

    fleet = load_or_exit(spec)
    try:
        for change in Grafana(url, token.strip()).push(fleet, prometheus):
            out.print(f"{change.outcome:9}  {change.kind} {change.name}", highlight=False, markup=False)
    except GrafanaRefused as error:
        err.print(str(error), style="red", markup=False)
        raise typer.Exit(1) from error
