"""`signalbox render`: the spec as a kustomize base with overlays, and whether they would work."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from cluster.spec import FleetSpec
from k8s.errors import RenderError
from signalbox.console import FAILED, WRONG_INPUT, SpecArgument, err, exit_on, fail, load_or_exit, out

CRDS_VARIABLE = "SIGNALBOX_CRDS"


def render(
    spec: SpecArgument,
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder for `base` and `overlays`.")],
    check: Annotated[bool, typer.Option("--check", help="Check the manifests, without a cluster.")] = False,
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
        from k8s import render as manifests
    except ModuleNotFoundError as error:  # a node's image does not have the packages that rendering needs
        fail(f"{error.name} is not installed here: pip install -e '.[k8s]'", WRONG_INPUT)
    fleet = load_or_exit(spec)
    with exit_on(RenderError, status=WRONG_INPUT):
        files = manifests.render(fleet)
        manifests.write(files, output)
    _print(f"wrote {len(files)} files into {output}: overlays {' and '.join(manifests.OVERLAYS)}")
    if check:
        _check(fleet, output, crds)


def _check(fleet: FleetSpec, folder: Path, crds: Path | None) -> None:
    """Print what the checks found; status 1 if they found anything."""
    from k8s.checks import check

    report = check(folder, fleet, crds)
    for finding in report.findings:
        err.print(str(finding), style="red", markup=False)
    for name, why in report.skipped.items():
        _print(f"skipped {name}: {why}")
    _print(f"checked: {', '.join(report.ran)}")
    if not report.ok:
        raise typer.Exit(FAILED)


def _print(line: str) -> None:
    out.print(line, markup=False, soft_wrap=True)
