"""`signalbox render`: the spec as a kustomize base with overlays, and whether it would work."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from cluster.spec import FleetSpec
from k8s.errors import RenderError
from signalbox.console import load_or_exit

CRDS_VARIABLE = "SIGNALBOX_CRDS"
out = Console(soft_wrap=True)
err = Console(stderr=True, soft_wrap=True)


def render_command(
    spec: Annotated[Path, typer.Argument(help="The fleet spec, a YAML file.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder to write `base` and `overlays` into.")],
    check: Annotated[bool, typer.Option("--check", help="Check what was written, without a cluster.")] = False,
    crds: Annotated[
        Path | None,
        typer.Option(
            envvar=CRDS_VARIABLE,
            help="Folder with KubeRay's and the Prometheus operator's CustomResourceDefinitions, for --check.",
        ),
    ] = None,
) -> None:
    """Write KubeRay manifests, alerts and dashboards of a spec for `kubectl apply -k`. Needs no cluster."""
    try:
        from k8s.render import OVERLAYS, render, write
    except ModuleNotFoundError as error:  # the nodes' image has no packages to render with
        err.print(f"{error.name} is not installed here: pip install -e '.[k8s]'", style="red", markup=False)
        raise typer.Exit(2) from error
    fleet = load_or_exit(spec)
    try:
        files = render(fleet)
        write(files, output)
    except RenderError as error:
        err.print(str(error), style="red", markup=False)
        raise typer.Exit(2) from error
    out.print(f"wrote {len(files)} files into {output}: overlays {' and '.join(OVERLAYS)}", markup=False)
    if check:
        _check(fleet, output, crds)


def _check(fleet: FleetSpec, folder: Path, crds: Path | None) -> None:
    """Print what the checks found; status 1 if they found anything."""
    from k8s.checks import check

    report = check(folder, fleet, crds)
    for finding in report.findings:
        err.print(str(finding), style="red", markup=False)
    for name, why in report.skipped.items():
        out.print(f"skipped {name}: {why}", markup=False)
    out.print(f"checked: {', '.join(report.ran)}", markup=False)
    if not report.ok:
        raise typer.Exit(1)
