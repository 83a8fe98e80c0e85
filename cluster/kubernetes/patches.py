"""Patches of pod templates, for what no other field of the `kubernetes` section covers."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Annotated, Any

from pydantic import AfterValidator

from cluster.problems import Problems, did_you_mean, shown

MERGE_KEYS = {
    "containers": "name",
    "initContainers": "name",
    "volumes": "name",
    "imagePullSecrets": "name",
    "env": "name",
    "volumeMounts": "mountPath",
    "volumeDevices": "devicePath",
    "ports": "containerPort",
    "hostAliases": "ip",
    "topologySpreadConstraints": "topologyKey",
}
"""Lists of a pod template that merge item by item, with the key that identifies an item (patchMergeKey in
k8s.io/api/core/v1). All other lists are replaced."""
PARTS = ("metadata", "spec")
"""What a pod template consists of."""


def _known_parts(patch: dict[str, Any]) -> dict[str, Any]:
    problems = {key: f"unknown key: {did_you_mean(key, PARTS)}" for key in patch if key not in PARTS}
    problems |= {
        part: f"invalid value {shown(patch[part])}, use a mapping"
        for part in PARTS
        if part in patch and not isinstance(patch[part], dict)
    }
    problems |= dict(_wrong_items(patch))
    if problems:
        raise Problems(problems)
    return patch


def _wrong_items(value: Any, path: str = "", field: str = "") -> Iterator[tuple[str, str]]:
    """Items of merged lists without the key that identifies them, and directives such as `$patch`."""
    if isinstance(value, dict):
        for key, item in value.items():
            here = f"{path}.{key}".lstrip(".")
            if str(key).startswith("$"):
                yield here, "is a directive, which is not supported: use null to remove a key"
            yield from _wrong_items(item, here, str(key))
    elif isinstance(value, list):
        for index, item in enumerate(value):
            wanted = MERGE_KEYS.get(field)
            if wanted and not (isinstance(item, dict) and item.get(wanted)):
                yield f"{path}.{index}", f"lacks {wanted}: add it, because it says which item of {field} is meant"
            yield from _wrong_items(item, f"{path}.{index}")


PodPatch = Annotated[dict[str, Any], AfterValidator(_known_parts)]
"""A strategic merge patch of a pod template."""
