"""JSON patches (RFC 6902) on plain data: the operations add, replace, remove and test."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from typing import Any


class PatchFailed(ValueError):
    """An operation does not fit the document. The message names its path."""


def apply_patch(document: Any, operations: Sequence[Any]) -> None:
    """Apply operations in order, in place.

    Raises:
        PatchFailed: an operation is unknown, or its path does not exist.
    """
    for operation in operations:
        try:
            _apply(document, operation)
        except (KeyError, IndexError, TypeError, ValueError) as error:
            raise PatchFailed(f"{operation}: {type(error).__name__} {error}") from error


def _apply(document: Any, operation: dict[str, Any]) -> None:
    *parents, last = _steps(operation["path"])
    for step in parents:
        document = document[_key(document, step)]
    key = _key(document, last)
    match operation["op"]:
        case "add" if isinstance(document, list):
            document.insert(len(document) if key == "-" else key, copy.deepcopy(operation["value"]))
        case "add":
            document[key] = copy.deepcopy(operation["value"])
        case "replace":
            document[key]  # raises if it is missing
            document[key] = copy.deepcopy(operation["value"])
        case "remove":
            del document[key]
        case "test":
            if document[key] != operation["value"]:
                raise ValueError(f"unexpected value {document[key]!r}")
        case other:
            raise ValueError(f"invalid operation '{other}', use add, replace, remove or test")


def _steps(path: str) -> list[str]:
    """The reference tokens of a JSON pointer (RFC 6901)."""
    if not path.startswith("/"):
        raise ValueError("the path must begin with /")
    return [step.replace("~1", "/").replace("~0", "~") for step in path[1:].split("/")]


def _key(document: Any, step: str) -> Any:
    """A step as the container's key: an index in a list, where `-` means after the end."""
    if not isinstance(document, list) or step == "-":
        return step
    index = int(step)
    if index < 0:
        raise IndexError(step)
    return index
