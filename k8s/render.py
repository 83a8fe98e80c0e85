"""A kustomize base and its overlays from a spec: `signalbox render`.

The base is the fleet in no namespace. `overlays/prod` adds what a fleet needs that people rely on, `overlays/dev` makes
it small. Only kustomize's `resources`, `namespace`, `labels` and JSON patches are used, so that an overlay can be built
by a few lines of Python where kubectl is not to be had (`k8s.checks`).
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cluster.spec import FleetSpec
from k8s import redis
from k8s.access import disruption_budgets, network_policy, service_accounts
from k8s.errors import RenderError
from k8s.exposing import way_in
from k8s.image import for_image
from k8s.monitoring import dashboard_maps, pod_monitors, rules
from k8s.names import check_names, metadata, namespace
from k8s.overlays import Patch, dev_patch, prod_patch
from k8s.ray_service import ray_service
from k8s.volumes import claims, on_node_disks
from k8s.yaml_text import Key, to_yaml

MARK = "Written by `signalbox render`: change the spec and render again."
"""First line of every file, by which files of an earlier rendering are known."""
OVERLAYS = ("dev", "prod")
ENVIRONMENT_LABEL = "app.kubernetes.io/environment"
PATCH = "ray-service-patch.yaml"
Manifest = dict[str, Any]


def render(spec: FleetSpec) -> dict[str, str]:
    """Every file's text by its path below the folder, in the order of paths; the same spec always gives the same.

    Raises:
        RenderError: the spec cannot be deployed on Kubernetes as written.
    """
    check_names(spec)
    there = for_image(spec)
    files = {f"base/{name}": text for name, text in _base(there).items()}
    for overlay in OVERLAYS:
        files |= {f"overlays/{overlay}/{name}": text for name, text in _overlay(there, overlay).items()}
    return dict(sorted(files.items()))


def write(files: dict[str, str], folder: Path) -> None:
    """Write rendered files and remove those of an earlier rendering; anything else in the folder stays.

    Raises:
        RenderError: the folder cannot be written.
    """
    try:
        for path in _earlier(folder):
            if str(path.relative_to(folder)) not in files:
                path.unlink()
        for name, text in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise RenderError({str(folder): f"cannot be written ({reason}): write another folder after -o"}) from error


def _earlier(folder: Path) -> list[Path]:
    found = [
        path for part in ("base", *(f"overlays/{name}" for name in OVERLAYS)) for path in (folder / part).rglob("*")
    ]
    return [path for path in found if path.is_file() and path.read_bytes().startswith(f"# {MARK}".encode())]


def _base(spec: FleetSpec) -> dict[str, str]:
    """The fleet's files without a place."""
    files = {
        "network-policy.yaml": _text([network_policy(spec)]),
        "ray-service.yaml": _text([ray_service(spec)]),
        "service-accounts.yaml": _text(service_accounts(spec)),
    }
    if found := claims(spec):
        files["volumes.yaml"] = _text(found)
    if found := way_in(spec):
        files["way-in.yaml"] = _text(found)
    return files | {"kustomization.yaml": _kustomization({"resources": sorted(files)})}


def _overlay(spec: FleetSpec, overlay: str) -> dict[str, str]:
    """The files that make the base a deployment of its own."""
    files = {"namespace.yaml": _text([_namespace(spec, overlay)])}
    files |= _only_prod(spec) if overlay == "prod" else {}
    kustomization: Manifest = {
        Key("resources", "The fleet, and what only this place has."): ["../../base", *sorted(files)],
        "namespace": namespace(spec, overlay),
        "labels": [{"pairs": {ENVIRONMENT_LABEL: overlay}}],
    }
    if patch := prod_patch(spec) if overlay == "prod" else dev_patch(spec):
        target = {"group": "ray.io", "version": "v1", "kind": "RayService", "name": spec.name}
        kustomization["patches"] = [{"path": PATCH, "target": target}]
        files[PATCH] = _text([patch])
    return files | {"kustomization.yaml": _kustomization(kustomization)}


def _only_prod(spec: FleetSpec) -> dict[str, str]:
    """Protection from evictions, Redis and monitoring."""
    files = {}
    if budgets := disruption_budgets(spec):
        files["disruption-budgets.yaml"] = _text(budgets)
    if own := redis.manifests(spec):
        files["redis.yaml"] = _text(own)
    if spec.kubernetes.monitoring.enabled:
        files["pod-monitors.yaml"] = _text(pod_monitors(spec))
        files["rules.yaml"] = _text([rules(spec)])
        files |= {f"dashboard-{uid}.yaml": _text([board]) for uid, board in dashboard_maps(spec).items()}
    return files


def _namespace(spec: FleetSpec, overlay: str) -> Manifest:
    described = metadata(spec, namespace(spec, overlay))
    if on_node_disks(spec):
        why, level = "Volumes of type hostPath, which the stricter standards forbid.", "privileged"
    else:
        why, level = "No pod here is root or may become it; Kubernetes refuses one that would.", "restricted"
    described["labels"] = {Key("pod-security.kubernetes.io/enforce", why): level} | described["labels"]
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": described}


def _text(manifests: Sequence[Manifest | Patch]) -> str:
    return f"# {MARK}\n" + "---\n".join(to_yaml(manifest) for manifest in manifests)


def _kustomization(content: Manifest) -> str:
    return _text([{"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization", **content}])
