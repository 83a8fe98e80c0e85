"""Builds an overlay into plain objects, with `kubectl kustomize` or with a small builder.

The small builder is used if kubectl is not installed. It supports `resources`, `namespace`, `labels` and JSON 6902
`patches`, and rejects anything else instead of building something different from kubectl.
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
"""Kinds without a namespace, as far as a fleet's manifests may contain them."""
APPLIED = ("overlays", "download")
"""Folders whose folders are applied by themselves."""
TIMEOUT_S = 60


class BuildFailed(Exception):
    """The overlay cannot be built. The message names the file and the reason."""


def build(overlay: Path) -> list[Body]:
    """The objects of a folder with a `kustomization.yaml`. It uses kubectl if it is installed.

    Raises:
        BuildFailed: the overlay cannot be built.
    """
    return build_with_kubectl(overlay) if shutil.which("kubectl") else build_here(overlay)


def build_with_kubectl(overlay: Path) -> list[Body]:
    """The objects as `kubectl kustomize` builds them. It contacts no cluster.

    Raises:
        BuildFailed: kubectl fails; the message contains its output.
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
        BuildFailed: a file is missing or broken, or uses a feature that this builder does not support.
    """
    file = overlay / FILE
    custom = _only_document(file)
    if unknown := sorted(custom.keys() - set(KNOWN)):
        raise BuildFailed(f"{file}: '{unknown[0]}' needs kubectl, install kubectl or use patches instead")
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
    """YAML files of a rendered folder that no kustomization lists. They would never be applied.

    Raises:
        BuildFailed: a kustomization cannot be read.
    """
    listed: set[Path] = set()
    for file in folder.rglob(FILE):
        # Every string counts as a file name, because kubectl knows more fields with files than this builder.
        words = [value for _, value in walk(_only_document(file)) if isinstance(value, str) and "\n" not in value]
        listed |= {(file.parent / word).resolve() for word in words}
    for path in sorted(folder.rglob("*.yaml")):
        reached = path.parent if path.name == FILE else path
        if reached.resolve() not in listed and reached.parent.name not in APPLIED:
            yield path


def _documents(path: Path) -> list[Any]:
    try:
        return read_yaml(path.read_text())
    except FileNotFoundError as error:
        raise BuildFailed(f"{path}: is listed in a {FILE} but does not exist, render again") from error
    except (OSError, yaml.YAMLError, UnicodeDecodeError) as error:
        raise BuildFailed(f"{path}: {' '.join(str(error).split())}") from error


def _only_document(path: Path) -> Body:
    documents = _documents(path)
    if len(documents) != 1 or not isinstance(documents[0], dict):
        raise BuildFailed(f"{path}: has {len(documents)} documents, use one mapping")
    return documents[0]


def _patch(objects: list[Body], patch: Any, folder: Path) -> None:
    """Apply one entry of `patches` to the objects of its target."""
    source = folder / text(patch, "path")
    try:
        operations = read_yaml(text(patch, "patch"))[0] if mapping(patch).get("patch") else _documents(source)[0]
    except (yaml.YAMLError, IndexError) as error:
        raise BuildFailed(f"{folder / FILE}: a patch is not a YAML list: {error}") from error
    if not isinstance(operations, list):
        raise BuildFailed(f"{folder / FILE}: merge patches need kubectl, use a list of operations")
    target = mapping(patch, "target")
    chosen = [each for each in objects if _matches(each, target)]
    if not chosen:
        raise BuildFailed(f"{folder / FILE}: a patch has no target object: {target}")
    for each in chosen:
        try:
            apply_patch(each, operations)
        except PatchFailed as error:
            name = f"{each.get('kind')}/{text(each, 'metadata', 'name')}"
            raise BuildFailed(f"{folder / FILE}: patch of {name}: {error}") from error


def _matches(body: Body, target: Body) -> bool:
    """Whether a target selects an object. As in kubectl, each field is a regular expression for the whole value."""
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
    """Set labels on the objects and, with `includeTemplates`, on the pod templates of built-in workloads."""
    if mapping(labels).get("includeSelectors"):
        raise BuildFailed(f"{file}: labels with includeSelectors need kubectl, leave it out: selectors must not change")
    for each in objects:
        each.setdefault("metadata", {}).setdefault("labels", {}).update(mapping(labels, "pairs"))
        if mapping(labels).get("includeTemplates") and text(each, "apiVersion") in ("apps/v1", "batch/v1"):
            template = mapping(each, "spec", "template")
            template.setdefault("metadata", {}).setdefault("labels", {}).update(mapping(labels, "pairs"))
