"""`signalbox render`: the spec as a kustomize base with overlays, and whether it would work."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from cluster.loading import SpecError, load_spec
from k8s.errors import RenderError
from k8s.render import OVERLAYS, render, write

out = Console(soft_wrap=True)
err = Console(stderr=True, soft_wrap=True)


def render_command(
    spec: Annotated[Path, typer.Argument(help="The fleet spec, a YAML file.")],
    output: Annotated[Path, typer.Option("--output", "-o", help="Folder to write `base` and `overlays` into.")],
) -> None:
    """Write KubeRay manifests, alerts and dashboards of a spec for `kubectl apply -k`. Needs no cluster."""
    try:
        files = render(load_spec(spec))
        write(files, output)
    except (SpecError, RenderError) as error:
        err.print(str(error), style="red", markup=False)
        raise typer.Exit(2) from error
    overlays = " or ".join(f"{output}/overlays/{name}" for name in OVERLAYS)
    out.print(f"wrote {len(files)} files; apply {overlays} with `kubectl apply --server-side -k`", markup=False)
