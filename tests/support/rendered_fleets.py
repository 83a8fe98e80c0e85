"""Rendered output as objects, for tests of what stands in it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import yaml

from cluster.loading import load_spec
from cluster.spec import FleetSpec
from k8s.image import for_image
from k8s.ray_service import ray_service
from k8s.render import render
from k8s.yaml_text import to_yaml

EXAMPLES = Path(__file__).parent.parent.parent / "examples"
GPU_POOL = {"tier": "small", "model": "org/model", "hardware": "gpu"}


def example(name: str) -> FleetSpec:
    """An example's spec."""
    return load_spec(EXAMPLES / f"{name}.yaml")


def fleet(pool: dict[str, Any] | None = None, nodes: dict[str, Any] | None = None, **more: Any) -> FleetSpec:
    """A fleet of one pool on one kind of GPU node, not monitored: dashboards take a second to build."""
    hardware = {"device": "L4", "devices_per_node": 4, "nodes": 6} | (nodes or {})
    data = {"name": "fleet", "pools": {"small": GPU_POOL | (pool or {})}, "hardware": {"gpu": hardware}}
    silent = {"kubernetes": {"monitoring": {"enabled": False}} | more.pop("kubernetes", {})}
    return FleetSpec.model_validate(data | silent | more)


def objects(spec: FleetSpec, folder: str = "") -> dict[tuple[str, str], dict[str, Any]]:
    """Objects of the rendered files below a folder, by kind and name; overlays are not applied."""
    found = {}
    for path, text in render(spec).items():
        if path.startswith(folder) and not path.endswith(("kustomization.yaml", "patch.yaml")):
            for each in yaml.safe_load_all(text):
                found[each["kind"], each["metadata"]["name"]] = each
    return found


def cluster(spec: FleetSpec) -> dict[str, Any]:
    """`rayClusterConfig` of the base."""
    found: dict[str, Any] = yaml.safe_load(to_yaml(ray_service(for_image(spec))))["spec"]["rayClusterConfig"]
    return found


def group(spec: FleetSpec, name: str = "gpu") -> dict[str, Any]:
    """One worker group."""
    return next(each for each in cluster(spec)["workerGroupSpecs"] if each["groupName"] == name)


def container(group_spec: dict[str, Any]) -> dict[str, Any]:
    """The Ray container of a group."""
    found: dict[str, Any] = group_spec["template"]["spec"]["containers"][0]
    return found


def patches(spec: FleetSpec, overlay: str) -> dict[str, Any]:
    """Values that an overlay's patch writes, by path."""
    text = render(spec).get(f"overlays/{overlay}/ray-service-patch.yaml", "[]")
    return {each["path"]: each["value"] for each in yaml.safe_load(text)}
