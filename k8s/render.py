"""Renders a spec into a kustomize base and its overlays: `signalbox render`.

The base is the fleet without a namespace. `overlays/prod` adds Redis, monitoring and protection from evictions;
`overlays/dev` makes the fleet small. `download` has a Job for each overlay, which is applied before it. All use only
kustomize's `resources`, `namespace`, `labels` and JSON patches, so `k8s.checks` can build them without kubectl.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from cluster.spec import FleetSpec
from k8s import redis
from k8s.access import disruption_budgets, network_policy, service_accounts
from k8s.download import download_job
from k8s.errors import RenderError
from k8s.exposing import exposing_objects
from k8s.image import for_image
from k8s.monitoring import dashboard_maps, pod_monitors, rules
from k8s.names import KEPT, check_names, metadata, namespace
from k8s.overlays import Patch, dev_patch, prod_patch
from k8s.ray_service import ray_service
from k8s.values import check_values
from k8s.volumes import claims, on_node_disks
from k8s.yaml_text import Key, to_yaml

MARK = "Written by `signalbox render`: change the spec and render again."
"""First line of every rendered file. It identifies the files of an earlier rendering."""
OVERLAYS = ("dev", "prod")
DOWNLOADS = "download"
"""Folder of the Jobs that download models, one for each overlay."""
ENVIRONMENT_LABEL = "app.kubernetes.io/environment"
PATCH = "ray-service-patch.yaml"
Manifest = dict[str, Any]


def render(spec: FleetSpec) -> dict[str, str]:
    """Every file's text by its path below the folder, sorted by path. The output depends only on the spec.

    Raises:
        RenderError: the spec cannot be deployed on Kubernetes.
    """
    check_names(spec)
    check_values(spec)
    image_spec = for_image(spec)
    files = {f"base/{name}": text for name, text in _base(image_spec).items()}
    for overlay in OVERLAYS:
        files |= {f"overlays/{overlay}/{name}": text for name, text in _overlay(image_spec, overlay).items()}
        files |= {f"{DOWNLOADS}/{overlay}/{name}": text for name, text in _download(image_spec, overlay).items()}
    return dict(sorted(files.items()))


def write(files: dict[str, str], folder: Path) -> None:
    """Write rendered files and remove outdated ones from an earlier rendering. Other files in the folder stay.

    Raises:
        RenderError: the folder cannot be written.
    """
    try:
        for path in _earlier_files(folder):
            if str(path.relative_to(folder)) not in files:
                path.unlink()
        for name, text in files.items():
            path = folder / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8")
    except OSError as error:
        reason = os.strerror(error.errno) if error.errno else str(error)
        raise RenderError({str(folder): f"cannot be written ({reason}), use another folder with -o"}) from error


def _earlier_files(folder: Path) -> list[Path]:
    found = [
        path
        for part in ("base", *(f"{kind}/{name}" for kind in ("overlays", DOWNLOADS) for name in OVERLAYS))
        for path in (folder / part).rglob("*")
    ]
    return [path for path in found if path.is_file() and path.read_bytes().startswith(f"# {MARK}".encode())]


def _base(spec: FleetSpec) -> dict[str, str]:
    """The fleet's files, independent of the overlay."""
    files = {
        "network-policy.yaml": _text([network_policy(spec)]),
        "ray-service.yaml": _text([ray_service(spec)]),
        "service-accounts.yaml": _text(service_accounts(spec)),
    }
    if volume_claims := claims(spec):
        files["volumes.yaml"] = _text(volume_claims)
    if objects := exposing_objects(spec):
        files["way-in.yaml"] = _text(objects)
    return files | {"kustomization.yaml": _kustomization({"resources": sorted(files)})}


def _overlay(spec: FleetSpec, overlay: str) -> dict[str, str]:
    """The files that turn the base into one deployment."""
    files = {"namespace.yaml": _text([_namespace(spec, overlay)])} if spec.kubernetes.creates_namespace else {}
    files |= _only_prod(spec) if overlay == "prod" else {}
    kustomization: Manifest = {
        Key("resources", "The fleet, and the objects that only this overlay has."): ["../../base", *sorted(files)],
        "namespace": namespace(spec, overlay),
        "labels": [{"pairs": {ENVIRONMENT_LABEL: overlay}}],
    }
    if patch := prod_patch(spec) if overlay == "prod" else dev_patch(spec):
        target = {"group": "ray.io", "version": "v1", "kind": "RayService", "name": spec.name}
        kustomization["patches"] = [{"path": PATCH, "target": target}]
        files[PATCH] = _text([patch])
    return files | {"kustomization.yaml": _kustomization(kustomization)}


def _download(spec: FleetSpec, overlay: str) -> dict[str, str]:
    """The Job that downloads models, which is applied by itself before the overlay."""
    job = download_job(spec)
    if job is None:
        return {}
    custom = {
        "resources": ["job.yaml"],
        "namespace": namespace(spec, overlay),
        "labels": [{"pairs": {ENVIRONMENT_LABEL: overlay}}],
    }
    return {"job.yaml": _text([job]), "kustomization.yaml": _kustomization(custom)}


def _only_prod(spec: FleetSpec) -> dict[str, str]:
    """Protection from evictions, Redis and monitoring."""
    files = {}
    if budgets := disruption_budgets(spec):
        files["disruption-budgets.yaml"] = _text(budgets)
    if redis_manifests := redis.manifests(spec):
        files["redis.yaml"] = _text(redis_manifests)
    if spec.kubernetes.monitoring.enabled:
        files["pod-monitors.yaml"] = _text(pod_monitors(spec))
        files["rules.yaml"] = _text([rules(spec)])
        files |= {f"dashboard-{uid}.yaml": _text([board]) for uid, board in dashboard_maps(spec).items()}
    return files


def _namespace(spec: FleetSpec, overlay: str) -> Manifest:
    described = metadata(spec, namespace(spec, overlay), **KEPT)
    if on_node_disks(spec):
        why, level = "The fleet uses hostPath volumes, which the stricter standards forbid.", "privileged"
    else:
        why, level = "No pod here runs as root; Kubernetes rejects any that would.", "restricted"
    described["labels"] = {Key("pod-security.kubernetes.io/enforce", why): level} | described["labels"]
    return {"apiVersion": "v1", "kind": "Namespace", "metadata": described}


def _text(manifests: Sequence[Manifest | Patch]) -> str:
    return f"# {MARK}\n" + "---\n".join(to_yaml(manifest) for manifest in manifests)


def _kustomization(content: Manifest) -> str:
    return _text([{"apiVersion": "kustomize.config.k8s.io/v1beta1", "kind": "Kustomization", **content}])
