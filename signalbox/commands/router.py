"""`signalbox router`: the quality model of a running fleet, and the commands that make and judge one."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console

from signalbox.client import DEFAULT_URL, EndpointError, get_json, send
from signalbox.tables.fleet import router_tables

UPLOAD_TIMEOUT_S = 60.0

group = typer.Typer(
    help="The learned router: put a model in use, take it back, see which one decides.", no_args_is_help=True
)
UrlOption = Annotated[str, typer.Option(help="The endpoint of a running fleet.")]
out = Console()
err = Console(stderr=True, soft_wrap=True)


@group.command()
def use(
    artifact: Annotated[Path, typer.Argument(help="A file that `signalbox router train` wrote.")],
    url: UrlOption = DEFAULT_URL,
) -> None:
    """Let a running fleet decide by another artifact, without a restart. It stays in use until it is rolled back."""
    try:
        data = artifact.read_bytes()
    except OSError as error:
        reason = f"{artifact}: cannot be read ({error.strerror}): write the path of an artifact"
        err.print(reason, style="red", markup=False)
        raise typer.Exit(2) from error
    _show(lambda: send("PUT", url, "/v1/router", data, UPLOAD_TIMEOUT_S))


@group.command()
def rollback(url: UrlOption = DEFAULT_URL) -> None:
    """Go back to the artifact that decided before the present one."""
    _show(lambda: send("POST", url, "/v1/router/rollback"))


@group.command()
def status(url: UrlOption = DEFAULT_URL) -> None:
    """Show which artifact decides, since when, what it was trained on, and what a rollback would go back to."""
    _show(lambda: get_json(url, "/v1/router"))


def _show(ask: Callable[[], dict[str, Any]]) -> None:
    try:
        state = ask()
    except EndpointError as error:
        err.print(str(error), style="red", markup=False)
        raise typer.Exit(1) from error
    for table in router_tables(state):
        out.print(table)
