"""Builds an overlay into plain objects: with `kubectl kustomize`, or with the few transformers that ours use.

The small builder stands in where kubectl is not installed. It knows `resources`, `namespace`, `labels` and JSON 6902
`patches`, and refuses the rest instead of building something else than kubectl would.
"""

from __future__ import annotations

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import yaml

from k8s.checks.json_patch import PatchFailed, apply_patch
from k8s.checks.objects import Body, mapping, read_yaml, sequence, text, walk

FILE = "kustomization.yaml"
KNOWN = ("apiVersion", "kind", "resources", "namespace", "labels", "patches")
CLUSTER_WIDE = (
    "Namespace", "ClusterRole", "ClusterRoleBinding", "CustomResourceDefinition", "PriorityClass", "StorageClass",
    "PersistentVolume", "GatewayClass",
)  # fmt: skip
"""Kinds without a namespace, of those that anybody would render for a fleet."""
TIMEOUT_S = 60


class BuildFailed(Exception):
    """The overlay cannot be built; the message says which file and why."""


def build(overlay: Path) -> list[Body]:
    """The objects of a folder with a `kustomization.yaml`, by kubectl where it is installed.

    Raises:
        BuildFailed: it cannot be built.
    """
    return build_with_kubectl(overlay) if shutil.which("kubectl") else build_here(overlay)


def build_with_kubectl(overlay: Path) -> list[Body]:
    """The objects as `kubectl kustomize` builds them; it talks to no cluster.

    Raises:
        BuildFailed: it refuses, with its own words.
    """
    command = ["kubectl", "kustomize", str(overlay)]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=TIMEOUT_S, check=False)
    except (OSError, subprocess.TimeoutExpired) as error:
        raise BuildFailed(f"{overlay}: kubectl kustomize: {error}") from error
    if done.returncode:
        raise BuildFailed(f"{overlay}: kubectl kustomize: {' '.join(done.stderr.split())}")
    return read_yaml(done.stdout)


def build_here(overlay: Path) -> list[Body]:
    """The objects, built in this process.

    Raises:
        BuildFailed: a file is missing or broken, or asks for what this builder does not know.
    """
    file = overlay / FILE
    custom = _only_document(file)
    if unknown := sorted(custom.keys() - set(KNOWN)):
        raise BuildFailed(f"{file}: '{unknown[0]}' is built by kubectl only: install kubectl, or write it as patches")
    objects: list[Body] = []
    for resource in sequence(custom, "resources"):
        path = overlay / str(resource)
        objects += build_here(path) if path.is_dir() else _documents(path)
    for patch in sequence(custom, "patches"):
        _patch(objects, patch, overlay)
    _set_namespace(objects, text(custom, "namespace"))
    for labels in sequence(custom, "labels"):
        _set_labels(objects, labels, file)
    return objects


def unused_files(folder: Path) -> Iterator[Path]:
    """YAML files of a rendered folder that no kustomization names: they would never be applied.

    Raises:
        BuildFailed: a kustomization cannot be read.
    """
    named: set[Path] = set()
    for file in folder.rglob(FILE):
        # Wherever a kustomization names files, kubectl knows more such fields than this builder.
        words = [value for _, value in walk(_only_document(file)) if isinstance(value, str) and "\n" not in value]
        named |= {(file.parent / word).resolve() for word in words}
    for path in sorted(folder.rglob("*.yaml")):
        reached = path.parent if path.name == FILE else path
        if reached.resolve() not in named and reached.parent.name != "overlays":
            yield path


def _documents(path: Path) -> list[Any]:
    try:
        return read_yaml(path.read_text())
    except FileNotFoundError as error:
        raise BuildFailed(f"{path}: is named in a {FILE} and does not exist: render again") from error
    except (OSError, yaml.YAMLError, UnicodeDecodeError) as error:
        raise BuildFailed(f"{path}: {' '.join(str(error).split())}") from error


def _only_document(path: Path) -> Body:
    documents = _documents(path)
    if len(documents) != 1 or not isinstance(documents[0], dict):
        raise BuildFailed(f"{path}: found {len(documents)} documents: write one mapping")
    return documents[0]


def _patch(objects: list[Body], patch: Any, folder: Path) -> None:
    """Apply one entry of `patches` to the objects its target names."""
    source = folder / text(patch, "path")
    try:
        operations = read_yaml(text(patch, "patch"))[0] if mapping(patch).get("patch") else _documents(source)[0]
    except (yaml.YAMLError, IndexError) as error:
        raise BuildFailed(f"{folder / FILE}: a patch is no YAML list: {error}") from error
    if not isinstance(operations, list):
        raise BuildFailed(f"{folder / FILE}: merge patches are built by kubectl only: write a list of operations")
    target = mapping(patch, "target")
    chosen = [each for each in objects if _matches(each, target)]
    if not chosen:
        raise BuildFailed(f"{folder / FILE}: no object is the target of a patch: {target}")
    for each in chosen:
        try:
            apply_patch(each, operations)
        except PatchFailed as error:
            name = f"{each.get('kind')}/{text(each, 'metadata', 'name')}"
            raise BuildFailed(f"{folder / FILE}: patch of {name}: {error}") from error


def _matches(body: Body, target: Body) -> bool:
    """Whether a target selects an object: each of its fields is a regular expression for the whole, as in kubectl."""
    group, _, version = text(body, "apiVersion").rpartition("/")
    fields = {"group": group, "version": version, "kind": text(body, "kind"), "name": text(body, "metadata", "name")}
    return all(name in fields and re.fullmatch(str(wanted), fields[name]) for name, wanted in target.items())


def _set_namespace(objects: list[Body], namespace: str) -> None:
    for each in objects if namespace else []:
        if text(each, "kind") == "Namespace":
            mapping(each, "metadata")["name"] = namespace
        elif text(each, "kind") not in CLUSTER_WIDE:
            each.setdefault("metadata", {})["namespace"] = namespace
        for subject in sequence(each, "subjects"):
            if text(subject, "kind") == "ServiceAccount":
                subject["namespace"] = namespace


def _set_labels(objects: list[Body], labels: Any, file: Path) -> None:
    """Labels of the objects and, on demand, of the pod templates of built-in workloads."""
    if mapping(labels).get("includeSelectors"):
        raise BuildFailed(f"{file}: labels with includeSelectors are built by kubectl only: a selector must not change")
    for each in objects:
        each.setdefault("metadata", {}).setdefault("labels", {}).update(mapping(labels, "pairs"))
        if mapping(labels).get("includeTemplates") and text(each, "apiVersion") in ("apps/v1", "batch/v1"):
            template = mapping(each, "spec", "template")
            template.setdefault("metadata", {}).setdefault("labels", {}).update(mapping(labels, "pairs"))
