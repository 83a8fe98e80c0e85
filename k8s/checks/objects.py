"""Access to Kubernetes objects as plain dicts. It never fails, because the checks report broken manifests."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

Body = dict[str, Any]

Loader: type = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""PyYAML's C loader if available, because CRDs have 36,000 lines."""


def read_yaml(text: str) -> list[Any]:
    """The documents of a YAML text, without empty ones.

    Raises:
        yaml.YAMLError: the text is not YAML.
    """
    return [document for document in yaml.load_all(text, Loader=Loader) if document is not None]


def dig(body: Any, *path: str | int) -> Any:
    """The value at a path of keys and indices; None if the path does not exist."""
    for step in path:
        if isinstance(body, dict):
            body = body.get(step)
        elif isinstance(body, list) and isinstance(step, int) and step < len(body):
            body = body[step]
        else:
            return None
    return body


def mapping(body: Any, *path: str | int) -> Body:
    """The mapping at a path; an empty one if there is none."""
    value = dig(body, *path)
    return value if isinstance(value, dict) else {}


def sequence(body: Any, *path: str | int) -> list[Any]:
    """The list at a path; an empty one if there is none."""
    value = dig(body, *path)
    return value if isinstance(value, list) else []


def text(body: Any, *path: str | int) -> str:
    """The string at a path; an empty one if there is none."""
    value = dig(body, *path)
    return value if isinstance(value, str) else ""


def number(body: Any, *path: str | int) -> float | None:
    """The number at a path; None if there is none."""
    value = dig(body, *path)
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def walk(body: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """This value and every value below it, with their paths in dots and brackets."""
    yield path, body
    if isinstance(body, dict):
        for key, value in body.items():
            yield from walk(value, f"{path}.{key}" if path else str(key))
    elif isinstance(body, list):
        for index, value in enumerate(body):
            yield from walk(value, f"{path}[{index}]")


@dataclass(frozen=True)
class Manifest:
    """One object of a built overlay."""

    body: Body
    file: str = ""
    """Its file, relative to the rendered folder; empty if unknown."""

    @property
    def api_version(self) -> str:
        """`apiVersion`, such as `ray.io/v1`."""
        return text(self.body, "apiVersion")

    @property
    def kind(self) -> str:
        """`kind`, such as `RayService`."""
        return text(self.body, "kind")

    @property
    def name(self) -> str:
        """`metadata.name`."""
        return text(self.body, "metadata", "name")

    @property
    def namespace(self) -> str:
        """`metadata.namespace`."""
        return text(self.body, "metadata", "namespace")

    def where(self, path: str = "") -> str:
        """A location for findings: file, kind, name and field path."""
        return " ".join(part for part in (self.file, f"{self.kind}/{self.name}", path) if part)


def files_of(folder: Path) -> dict[tuple[str, str], str]:
    """The file of every object in a rendered folder, by kind and name."""
    files: dict[tuple[str, str], str] = {}
    for path in sorted(folder.rglob("*.yaml")):
        try:
            documents = read_yaml(path.read_text())
        except (yaml.YAMLError, UnicodeDecodeError):
            continue  # building the overlay reports it
        for document in documents:
            name = text(document, "metadata", "name")
            if name:
                files.setdefault((text(document, "kind"), name), str(path.relative_to(folder)))
    return files
