"""Where a fleet keeps what must survive a restart."""

from __future__ import annotations

import os
from pathlib import Path

from cluster.spec import FleetSpec


def state_folder(spec: FleetSpec) -> Path:
    """The spec's `routing.state_folder`, else a folder named after the fleet in the user's cache; it may not exist."""
    if spec.routing.state_folder:
        return Path(spec.routing.state_folder).expanduser().absolute()
    cache = os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache"
    return Path(cache) / "signalbox" / spec.name
