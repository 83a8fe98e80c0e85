"""`signalbox check`: whether a spec's fleet can run."""

from __future__ import annotations

from typing import Annotated

import typer

from deployments.preflight import check_fleet
from signalbox.console import FAILED, NOT_CHECKED, OnlineOption, SpecArgument, facts_lookup, load_or_exit, out
from signalbox.tables.check import render_check


def check(
    spec: SpecArgument,
    online: OnlineOption = False,
    strict: Annotated[
        bool, typer.Option("--strict", help="Exit with status 3 if a pool could not be checked.")
    ] = False,
) -> None:
    """Check a spec and show whether every pool fits its hardware. Needs no cluster, and no network without --online."""
    fleet = load_or_exit(spec)
    report = check_fleet(fleet, facts_lookup(online))
    out.print(render_check(fleet, report))
    if not report.ok:
        raise typer.Exit(FAILED)
    if strict and report.unchecked:
        raise typer.Exit(NOT_CHECKED)
