"""What commands share: the two consoles, common arguments, reading a spec, and ending with an error."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from rich.console import Console

from cluster.loading import PROJECT_ROOT, SpecError, load_spec
from cluster.spec import FleetSpec

DEFAULT_SPEC = PROJECT_ROOT / "examples" / "laptop.yaml"
FAILED, WRONG_INPUT = 1, 2
"""Exit statuses: what was asked for could not be done; an argument, option or file cannot be used."""

SpecArgument = Annotated[Path, typer.Argument(help="The fleet spec, a YAML file.")]
UrlOption = Annotated[str, typer.Option(help="The endpoint of a running fleet.")]

out = Console()
"""Results."""
err = Console(stderr=True, soft_wrap=True)
"""Errors, notes and progress, so that results can be piped."""


def note(text: str) -> None:
    """Print a line to stderr."""
    err.print(text, highlight=False, markup=False)


def fail(error: object, status: int) -> NoReturn:
    """Print an error to stderr and end the command.

    Raises:
        typer.Exit: always.
    """
    err.print(str(error), style="red", markup=False)
    raise typer.Exit(status)


@contextmanager
def exit_on(*kinds: type[Exception], status: int, before: str = "") -> Iterator[None]:
    """End the command if an exception of these kinds is raised; its message is all that is printed.

    Args:
        before: text in front of the message, such as the option that it is about.
    """
    try:
        yield
    except kinds as error:
        fail(f"{before}{error}", status)


def load_or_exit(path: Path) -> FleetSpec:
    """The fleet of a spec file; a spec that cannot be used ends the command."""
    with exit_on(SpecError, status=WRONG_INPUT):
        return load_spec(path)
