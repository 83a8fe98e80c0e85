"""Which part of a spec needs new processes, and which part a running fleet takes over in place.

The args of the Serve application hold the first part only, because Serve replaces every replica when they change. The
whole spec reaches the gateways as their `user_config`, and the fleet board and the scaling policy through them.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping
from typing import Any

from cluster.spec import FleetSpec

POOL_IN_PLACE = frozenset({"prices", "replicas", "aliases", "capabilities"})
"""Fields of a pool that its replicas do not read."""
IN_PLACE = frozenset({"routing", "scaling", "gateway", "log_level"})
"""Sections that replicas do not read, except for the fields in KEPT."""
KEPT = (("routing", "state_folder"), ("gateway", "port"), ("scaling", "policy"))
"""Read when the fleet starts: the folder by the board, the port by Serve. Serve restarts an application with another
scaling policy."""
VERSION_LENGTH = 12


def whole(spec: FleetSpec) -> dict[str, Any]:
    """Return all that a running fleet reads of a spec, JSON-ready."""
    return spec.model_dump(mode="json", exclude={"kubernetes"})


def needs_restart(spec: FleetSpec) -> dict[str, Any]:
    """Return the part of a spec that needs new processes when it changes, JSON-ready. It is a valid spec."""
    data = whole(spec)
    kept = {name: value for name, value in data.items() if name not in IN_PLACE}
    for section, field in KEPT:
        kept.setdefault(section, {})[field] = data[section][field]
    kept["pools"] = {
        name: {field: value for field, value in pool.items() if field not in POOL_IN_PLACE}
        for name, pool in data["pools"].items()
    }
    return kept


def version(spec: FleetSpec) -> str:
    """Return a short hash of all that a running fleet reads of a spec."""
    text = json.dumps(whole(spec), sort_keys=True)
    return hashlib.sha256(text.encode()).hexdigest()[:VERSION_LENGTH]


def changes(before: Mapping[str, Any], after: Mapping[str, Any], path: str = "") -> Iterator[str]:
    """Yield the paths of the fields in which two JSON-ready specs differ, such as `pools.small.prices`."""
    for name in dict.fromkeys([*before, *after]):
        here, old, new = f"{path}{name}", before.get(name), after.get(name)
        if old == new:
            continue
        if isinstance(old, Mapping) and isinstance(new, Mapping):
            yield from changes(old, new, f"{here}.")
        else:
            yield here
