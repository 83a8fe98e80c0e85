"""`signalbox router`: the quality model of a running fleet, and the commands that train and evaluate one."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from signalbox.client import DEFAULT_URL, EndpointError, get_json, send
from signalbox.console import FAILED, WRONG_INPUT, UrlOption, exit_on, fail, out
from signalbox.tables.fleet import router_tables

UPLOAD_TIMEOUT_S = 60.0

router = typer.Typer(
    name="router",
    help="The learned router: train and evaluate a model, put it in use, roll it back.",
    no_args_is_help=True,
)


@router.command()
def use(
    artifact: Annotated[Path, typer.Argument(help="A file that `signalbox router train` wrote.")],
    url: UrlOption = DEFAULT_URL,
) -> None:
    """Let a running fleet decide with another artifact, without a restart, until it is rolled back."""
    try:
        data = artifact.read_bytes()
    except OSError as error:
        fail(f"{artifact}: cannot be read ({error.strerror}): use the path of an artifact", WRONG_INPUT)
    with exit_on(EndpointError, status=FAILED):
        _show(send("PUT", url, "/v1/router", data, UPLOAD_TIMEOUT_S))


@router.command()
def rollback(url: UrlOption = DEFAULT_URL) -> None:
    """Go back to the previous artifact."""
    with exit_on(EndpointError, status=FAILED):
        _show(send("POST", url, "/v1/router/rollback"))


@router.command()
def status(url: UrlOption = DEFAULT_URL) -> None:
    """Show the artifact in use, since when, its training data, and the artifacts that a rollback returns to."""
    with exit_on(EndpointError, status=FAILED):
        _show(get_json(url, "/v1/router"))


def _show(state: dict[str, Any]) -> None:
    for table in router_tables(state):
        out.print(table)
