"""Kubernetes objects as plain dicts, read without ever failing: a broken manifest is for a check to report."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

Body = dict[str, Any]

Loader: type = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
"""PyYAML's C reader where it was built: CRDs have 36,000 lines."""


def read_yaml(text: str) -> list[Any]:
    """The documents of a YAML text, empty ones left out.

    Raises:
        yaml.YAMLError: it is no YAML.
    """
    return [document for document in yaml.load_all(text, Loader=Loader) if document is not None]


def dig(found: Any, *path: str | int) -> Any:
    """What stands at a path of keys and indices; None where there is nothing."""
    for step in path:
        if isinstance(found, dict):
            found = found.get(step)
        elif isinstance(found, list) and isinstance(step, int) and step < len(found):
            found = found[step]
        else:
            return None
    return found


def mapping(found: Any, *path: str | int) -> Body:
    """The mapping at a path; an empty one where there is none."""
    value = dig(found, *path)
    return value if isinstance(value, dict) else {}


def sequence(found: Any, *path: str | int) -> list[Any]:
    """The list at a path; an empty one where there is none."""
    value = dig(found, *path)
    return value if isinstance(value, list) else []


def text(found: Any, *path: str | int) -> str:
    """The string at a path; an empty one where there is none."""
    value = dig(found, *path)
    return value if isinstance(value, str) else ""


def number(found: Any, *path: str | int) -> float | None:
    """The number at a path; None where there is none."""
    value = dig(found, *path)
    return value if isinstance(value, int | float) and not isinstance(value, bool) else None


def walk(found: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    """Every value below, with its path in dots and brackets."""
    yield path, found
    if isinstance(found, dict):
        for key, value in found.items():
            yield from walk(value, f"{path}.{key}" if path else str(key))
    elif isinstance(found, list):
        for index, value in enumerate(found):
            yield from walk(value, f"{path}[{index}]")


@dataclass(frozen=True)
class Manifest:
    """One object of a built overlay."""

    body: Body
    file: str = ""
    """The file of the rendered folder that it comes from, relative to the folder; empty where that is not known."""

    @property
    def api_version(self) -> str:
        """Such as `ray.io/v1`."""
        return text(self.body, "apiVersion")

    @property
    def kind(self) -> str:
        """Such as `RayService`."""
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
        """A place in it, as findings name it: file, kind, name and field path."""
        return " ".join(part for part in (self.file, f"{self.kind}/{self.name}", path) if part)


def files_of(folder: Path) -> dict[tuple[str, str], str]:
    """Which file of a rendered folder holds an object, by its kind and name."""
    found: dict[tuple[str, str], str] = {}
    for path in sorted(folder.rglob("*.yaml")):
        try:
            documents = read_yaml(path.read_text())
        except (yaml.YAMLError, UnicodeDecodeError):
            continue  # building the overlay says it
        for document in documents:
            name = text(document, "metadata", "name")
            if name:
                found.setdefault((text(document, "kind"), name), str(path.relative_to(folder)))
    return found
