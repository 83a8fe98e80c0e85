"""The spec that commands are given: read, or refused in a few lines."""

from __future__ import annotations

from pathlib import Path

import typer
from rich.console import Console

from cluster.loading import PROJECT_ROOT, SpecError, load_spec
from cluster.spec import FleetSpec

DEFAULT_SPEC = PROJECT_ROOT / "examples" / "laptop.yaml"


def load_or_exit(path: Path) -> FleetSpec:
    """The fleet of a spec file; says what is wrong with it and ends the command with status 2."""
    try:
        return load_spec(path)
    except SpecError as error:
        Console(stderr=True, soft_wrap=True).print(str(error), style="red", markup=False)
        raise typer.Exit(2) from error
