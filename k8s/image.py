"""The spec as pods see it: what lies below the project's folder here lies below the image's folder there."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Any

from cluster.loading import PROJECT_ROOT
from cluster.spec import FleetSpec
from k8s.errors import RenderError

IMAGE_ROOT = "/opt/signalbox"
"""Where k8s/Dockerfile puts the project."""


def for_image(spec: FleetSpec) -> FleetSpec:
    """The spec with paths that mean something inside of the image or of a mounted volume.

    Raises:
        RenderError: a path lies in neither.
    """
    data, problems = spec.model_dump(mode="json"), {}
    for holder, key, field in _paths(data):
        try:
            holder[key] = _moved(holder[key], spec)
        except ValueError as error:
            problems[field] = str(error)
    for field, folder in {"cache_folder": spec.cache_folder, "routing.state_folder": spec.routing.state_folder}.items():
        if folder and not folder.startswith("/"):
            problems[field] = f"found '{folder}': write a whole path, such as /mnt/cache: a volume is mounted there"
    if problems:
        raise RenderError(problems)
    return FleetSpec.model_validate(data)


def mounts(spec: FleetSpec) -> list[str]:
    """Folders where pods have a volume."""
    weights = spec.kubernetes.weights
    return [path for path in (weights and weights.mount, spec.cache_folder, spec.routing.state_folder) if path]


def _paths(data: dict[str, Any]) -> list[tuple[dict[str, Any], str, str]]:
    """Places that may hold a path: the mapping, its key and the field's name."""
    places = []
    for name, pool in data["pools"].items():
        at = f"pools.{name}"
        places += [(pool, key, f"{at}.{key}") for key in ("model", "tokenizer")]
        places += [(pool["adapters"], key, f"{at}.adapters.{key}") for key in pool["adapters"]]
        if pool["speculation"]:
            places.append((pool["speculation"], "model", f"{at}.speculation.model"))
    places.append((data["routing"], "artifact", "routing.artifact"))
    if data["routing"]["escalation"]:
        places.append((data["routing"]["escalation"], "model", "routing.escalation.model"))
    return places


def _moved(text: str | None, spec: FleetSpec) -> str | None:
    """Anything but a whole path stays: a hub id, an object store's URI, another pool's name, nothing."""
    if text is None or not text.startswith("/"):
        return text
    path = PurePosixPath(text)
    if path.is_relative_to(PROJECT_ROOT):
        return str(IMAGE_ROOT / path.relative_to(PROJECT_ROOT))
    if any(path.is_relative_to(mount) for mount in mounts(spec)):
        return text
    raise ValueError(
        f"{text} is on this machine and in no pod: write a hub id, an s3:// URI, or a folder below "
        f"{' or '.join(mounts(spec)) or 'the project'}"
    )
