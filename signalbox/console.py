"""What commands share: the two consoles, common arguments, reading a spec, and ending with an error."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Annotated, NoReturn

import typer
from rich.console import Console
from rich.progress import Progress, TimeElapsedColumn

from cluster.facts import facts_of
from cluster.loading import PROJECT_ROOT, SpecError, load_spec
from cluster.model_facts import ModelFacts
from cluster.problems import Problems
from cluster.spec import FleetSpec

DEFAULT_SPEC = PROJECT_ROOT / "examples" / "laptop.yaml"
FAILED, WRONG_INPUT, NOT_CHECKED = 1, 2, 3
"""Exit statuses: the work failed; an argument, an option or a file cannot be used; with `check --strict`, something
could not be checked."""

SpecArgument = Annotated[Path, typer.Argument(help="The fleet spec, a YAML file.")]
UrlOption = Annotated[str, typer.Option(help="The endpoint of a running fleet.")]
OnlineOption = Annotated[
    bool, typer.Option("--online", help="Fetch the config.json of models that are not known here from their hub.")
]
JsonOption = Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")]

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
def exit_on(*kinds: type[Exception], status: int, before: str = "", after: str = "") -> Iterator[None]:
    """End the command with a status if one of these exceptions is raised, and print only its message.

    Args:
        before: text in front of the message, such as the option that it is about.
        after: text behind the message, such as what to do.
    """
    try:
        yield
    except kinds as error:
        fail(f"{before}{error}{after}", status)


@contextmanager
def options(**flags: str) -> Iterator[None]:
    """End the command if the logic raises Problems, and print each with its option in place of the field.

    Args:
        flags: option by field, for options that are not named like their field.
    """
    try:
        yield
    except Problems as error:
        names = {field: flags.get(field, "--" + field.replace("_", "-")) for field in error.by_field}
        fail("\n".join(f"{names[field]}: {text}" for field, text in error.by_field.items()), WRONG_INPUT)


def facts_lookup(online: bool) -> Callable[[str], ModelFacts]:
    """What finds a model's facts: here only, or on the model's hub too."""
    if not online:
        return facts_of
    from deployments.hub import facts_online

    return facts_online


def load_or_exit(path: Path) -> FleetSpec:
    """The fleet of a spec file; a spec that cannot be used ends the command."""
    with exit_on(SpecError, status=WRONG_INPUT):
        return load_spec(path)


@contextmanager
def progress_bar(first: str) -> Iterator[Callable[[str, int, int], None]]:
    """A progress bar on stderr, removed at the end; yields a function of a description, steps done and all steps."""
    with Progress(*Progress.get_default_columns(), TimeElapsedColumn(), console=err, transient=True) as bar:
        task = bar.add_task(first, total=None)
        yield lambda text, done, total: bar.update(task, description=text, completed=done, total=total)
