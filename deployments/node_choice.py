"""Finds the nodes of a pool on a Ray cluster whose nodes do not carry Signalbox's label."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

ACCELERATOR = "accelerator_type:"


@dataclass(frozen=True)
class NodeChoice:
    """How Ray finds the nodes of one kind of hardware."""

    labels: Mapping[str, str]
    """A label selector."""
    ray_type: str | None = None
    """What the nodes call their GPUs; None without any."""


def as_argument(choices: Mapping[str, NodeChoice]) -> dict[str, Any]:
    """Choices by hardware as an argument of `deployments.app.build`."""
    return {name: asdict(choice) for name, choice in choices.items()}


def from_argument(argument: Mapping[str, Any]) -> dict[str, NodeChoice]:
    """What `as_argument` wrote."""
    return {name: NodeChoice(**choice) for name, choice in argument.items()}


def on_nodes(options: dict[str, Any], choice: NodeChoice) -> dict[str, Any]:
    """Options of a deployment (`deployments.placement`) with the choice's labels and accelerator type."""
    actor = dict(options["ray_actor_options"])
    if "label_selector" in actor:
        actor["label_selector"] = dict(choice.labels)
    if "resources" in actor:
        actor["resources"] = _renamed(actor["resources"], choice.ray_type)
    changed = options | {"ray_actor_options": actor}
    if bundles := options.get("placement_group_bundles"):
        changed["placement_group_bundles"] = [_renamed(bundle, choice.ray_type) for bundle in bundles]
        changed["placement_group_bundle_label_selector"] = [dict(choice.labels)] * len(bundles)
    return changed


def _renamed(resources: Mapping[str, float], ray_type: str | None) -> dict[str, float]:
    """Resources with the nodes' own name of the accelerator type."""
    return {
        f"{ACCELERATOR}{ray_type}" if ray_type and name.startswith(ACCELERATOR) else name: amount
        for name, amount in resources.items()
    }
