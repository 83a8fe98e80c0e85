"""Applications that Ray Serve runs on a cluster: ours next to those of others.

Serve's declarative API takes all applications at once and deletes those that are missing from the list, so what others
have deployed that way is submitted again, unchanged.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from deployments.start_watch import FleetFailed

OURS = "deployments.app:build"


def others(details: Mapping[str, Any], name: str) -> list[dict[str, Any]]:
    """The declared configs of all applications but ours, from Serve's details."""
    configs = {app: each.get("deployed_app_config") for app, each in details.get("applications", {}).items()}
    return [config for app, config in configs.items() if app != name and config is not None]


def require_room(details: Mapping[str, Any], name: str) -> None:
    """Check that our application can be deployed next to the others.

    Raises:
        FleetFailed: another application has its name or its path.
    """
    for app, each in details.get("applications", {}).items():
        config = each.get("deployed_app_config") or {}
        if app == name and config.get("import_path") != OURS:
            raise FleetFailed(f"name: an application '{name}' of somebody else runs on this cluster: use another name")
        if app != name and each.get("route_prefix") == "/":
            raise FleetFailed(f"the application '{app}' on this cluster has the path /: end it, or use another cluster")


def merged(config: Mapping[str, Any], details: Mapping[str, Any], name: str) -> dict[str, Any]:
    """Our config with the applications of others in it."""
    return {**config, "applications": [*others(details, name), *config["applications"]]}


def without(details: Mapping[str, Any], name: str) -> dict[str, Any]:
    """What is left to declare once ours is gone."""
    return {"applications": others(details, name)}
