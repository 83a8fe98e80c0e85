"""`signalbox init`: look at this machine and write a spec for it."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from signalbox.console import FAILED, WRONG_INPUT, exit_on, fail, note, out


def init(
    output: Annotated[Path, typer.Option("--output", "-o", help="The spec file to write.")] = Path("fleet.yaml"),
) -> None:
    """Write a short, commented spec for this machine: its GPUs and models that fit, or its processors."""
    from deployments.hardware.catalogue import in_words
    from deployments.hardware.machine import this_machine
    from deployments.hardware.starter import NothingFits
    from deployments.hardware.starter_text import starter_spec

    machine = this_machine()
    note(f"found {in_words(machine.gpus)}, {machine.cpus} CPUs, {machine.memory_gib:.0f} GiB of memory")
    with exit_on(NothingFits, status=FAILED):
        text = starter_spec(machine)
    try:
        with output.open("x") as file:
            file.write(text)
    except FileExistsError:
        fail(f"--output: {output} exists: use another name", WRONG_INPUT)
    except OSError as error:
        fail(f"--output: {output} cannot be written ({error.strerror}): use another name", WRONG_INPUT)
    out.print(
        f"wrote {output}\n  signalbox check {output}\n  signalbox serve {output}", highlight=False, soft_wrap=True
    )
