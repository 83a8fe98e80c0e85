"""Commands that take dataclasses of options."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

import typer
from typer.testing import CliRunner

from signalbox.flatten import flatten


@dataclass(frozen=True)
class Size:
    width: Annotated[int, typer.Option(help="Columns.")]
    height: Annotated[int, typer.Option("--rows", min=1)] = 2


@flatten
def command(name: Annotated[str, typer.Argument()], size: Size, loud: bool = False) -> None:
    """Print all."""
    print(name, size.width, size.height, loud)


app = typer.Typer()
app.command()(command)


def run(*words):
    return CliRunner().invoke(app, words)


def test_fields_are_options_with_their_names_and_defaults():
    assert run("a", "--width", "3").output == "a 3 2 False\n"
    assert run("a", "--width", "3", "--rows", "5", "--loud").output == "a 3 5 True\n"


def test_required_fields_and_limits_hold():
    assert run("a").exit_code == 2
    assert run("a", "--width", "3", "--rows", "0").exit_code == 2
