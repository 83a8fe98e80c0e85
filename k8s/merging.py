"""Strategic merge of a patch into a pod template, as `kubectl patch` merges.

Mappings merge key by key, and null removes a key. Lists of objects with a merge key merge item by item; all other lists
are replaced. Rules: https://kubernetes.io/docs/tasks/manage-kubernetes-objects/update-api-object-kubectl-patch/
"""

from __future__ import annotations

from typing import Any

from cluster.kubernetes.patches import MERGE_KEYS


def merged(value: Any, patch: Any, field: str = "") -> Any:
    """A value with a patch; neither is changed.

    Args:
        value: the value at a field.
        patch: what the patch has there.
        field: the field's name, which decides how lists merge.
    """
    if isinstance(patch, dict):
        value = value if isinstance(value, dict) else {}
        # Keys of the value are not replaced, because they carry the comments of the output.
        kept = {key: merged(item, patch[key], key) if key in patch else item for key, item in value.items()}
        new = {key: merged(None, item, key) for key, item in patch.items() if key not in value}
        return {key: item for key, item in (kept | new).items() if key not in patch or patch[key] is not None}
    if isinstance(patch, list) and field in MERGE_KEYS:
        return _merged_items(value if isinstance(value, list) else [], patch, MERGE_KEYS[field])
    return patch


def _merged_items(items: list[Any], patches: list[dict[str, Any]], key: str) -> list[Any]:
    """Items in their order, each with the patch that has the same key, then the patches of no item."""
    by_key = {patch[key]: patch for patch in patches}
    known = {item[key] for item in items}
    changed = [merged(item, by_key.get(item[key], {})) for item in items]
    return changed + [merged(None, patch) for patch in patches if patch[key] not in known]
