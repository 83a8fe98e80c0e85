"""Built overlays to break: rendered once, changed at a place, and what a check then says."""

from __future__ import annotations

import copy
import functools
import os
import tempfile
from collections.abc import Callable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from rendered_fleets import example, fleet

from cluster.spec import FleetSpec
from k8s.checks import deployed_spec
from k8s.checks.finding import Finding
from k8s.checks.kustomize import build_here
from k8s.checks.objects import Manifest, files_of, text
from k8s.checks.rendered import Rendered
from k8s.render import render, write

ROOT = Path(__file__).parent.parent.parent
CRDS = Path(os.environ.get("SIGNALBOX_DATA", ROOT.parent / "shared" / "data")) / ".." / "kuberay" / "crds"
needs_crds = pytest.mark.skipif(not CRDS.is_dir(), reason="KubeRay's CRDs are not here: set SIGNALBOX_DATA")

CLUSTER = "spec rayClusterConfig"
HEAD = f"{CLUSTER} headGroupSpec"
GROUP = f"{CLUSTER} workerGroupSpecs 0"
POD = f"{GROUP} template spec"
BOX = f"{POD} containers 0"
HEAD_BOX = f"{HEAD} template spec containers 0"

DELETE = object()
"""As a value: take the key away."""


def overlay(spec: FleetSpec, name: str = "prod", crds: Path | None = None) -> Rendered:
    """A spec's overlay, built in this process."""
    with tempfile.TemporaryDirectory() as folder:
        write(render(spec), Path(folder))
        files = files_of(Path(folder))
        bodies = build_here(Path(folder) / "overlays" / name)
    manifests = (Manifest(each, files[text(each, "kind"), text(each, "metadata", "name")]) for each in bodies)
    return Rendered(name, tuple(manifests), deployed_spec(spec, name), crds)


@functools.cache
def gpu_overlay() -> Rendered:
    """A fleet of one pool with four ranks on one kind of node, with the state folder's volume; not monitored."""
    pool = {"parallel": {"tensor": 4}, "placement": "strict_pack", "replicas": {"min": 0, "max": 2}}
    return overlay(fleet(pool, {"nodes": 2}))


@functools.cache
def l4_overlay(name: str = "prod") -> Rendered:
    """The example with three kinds of GPU nodes, monitored."""
    return overlay(example("l4"), name, CRDS if CRDS.is_dir() else None)


def changed(rendered: Rendered, kind: str, path: str, value: Any = DELETE, name: str = "") -> Rendered:
    """A copy with another value at a path: steps with spaces between, numbers in lists, `+` behind their end."""
    manifests = []
    done = False
    for manifest in rendered.manifests:
        if manifest.kind == kind and name in manifest.name and not done:
            manifest = replace(manifest, body=copy.deepcopy(manifest.body))
            put(manifest.body, path, value)
            done = True
        manifests.append(manifest)
    assert done, f"no {kind} {name}"
    return replace(rendered, manifests=tuple(manifests))


def put(body: Any, path: str, value: Any) -> None:
    """Set, append or delete at a path."""
    *parents, last = path.split()
    for step in parents:
        body = body[int(step)] if isinstance(body, list) else body.setdefault(step, {})
    if value is DELETE:
        del body[int(last) if isinstance(body, list) else last]
    elif last == "+":
        body.append(value)
    else:
        body[int(last) if isinstance(body, list) else last] = value


def without(rendered: Rendered, kind: str, name: str = "") -> Rendered:
    """A copy without the objects of a kind."""
    kept = tuple(each for each in rendered.manifests if not (each.kind == kind and name in each.name))
    assert len(kept) < len(rendered.manifests)
    return replace(rendered, manifests=kept)


def reported(check: Callable[[Rendered], Iterator[Finding]], rendered: Rendered) -> list[str]:
    """What a check finds: place and problem."""
    return [f"{finding.where}: {finding.problem}" for finding in check(rendered)]
