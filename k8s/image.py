"""The spec as pods run it: files of the project are below `IMAGE_ROOT` in the image, and there are two gateways."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Any

from cluster.kubernetes.values import IMAGE_ROOT
from cluster.loading import PROJECT_ROOT
from cluster.spec import FleetSpec
from k8s.errors import RenderError
from k8s.gateways import with_usual_gateways


def for_image(spec: FleetSpec) -> FleetSpec:
    """The spec with paths that exist in the image or on a mounted volume, and with its number of gateways.

    Raises:
        RenderError: a path is in neither.
    """
    data, problems = with_usual_gateways(spec).model_dump(mode="json"), {}
    for holder, key, field in _paths(data):
        try:
            holder[key] = _in_image(holder[key], spec)
        except ValueError as error:
            problems[field] = str(error)
    for field, folder in {"cache_folder": spec.cache_folder, "routing.state_folder": spec.routing.state_folder}.items():
        if folder and not folder.startswith("/"):
            problems[field] = f"invalid value '{folder}', use an absolute path such as /mnt/cache (a volume's mount)"
    if problems:
        raise RenderError(problems)
    return FleetSpec.model_validate(data)


def mounts(spec: FleetSpec) -> list[str]:
    """Folders where pods mount a volume."""
    weights = spec.kubernetes.weights
    return [path for path in (weights and weights.mount, spec.cache_folder, spec.routing.state_folder) if path]


def _paths(data: dict[str, Any]) -> list[tuple[dict[str, Any], str, str]]:
    """Fields that may contain a path: the mapping, its key and the field's name."""
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


def _in_image(text: str | None, spec: FleetSpec) -> str | None:
    """Translate an absolute path. Everything else stays: a hub id, an object store's URI, a pool's name, None."""
    if text is None or not text.startswith("/"):
        return text
    path = PurePosixPath(text)
    if path.is_relative_to(PROJECT_ROOT):
        return str(IMAGE_ROOT / path.relative_to(PROJECT_ROOT))
    if any(path.is_relative_to(mount) for mount in mounts(spec)):
        return text
    raise ValueError(
        f"{text} exists on this machine but in no pod, use a hub id, an s3:// URI, or a folder below "
        f"{' or '.join(mounts(spec)) or 'the project'}"
    )
