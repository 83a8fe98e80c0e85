"""YAML with comments that say why. Manifests are plain dicts and lists; a key or a list's item may carry its reason.

PyYAML writes the scalars, so that quoting is its business; the order is that of the data, never of a hash.
"""

from __future__ import annotations

import textwrap
from collections.abc import Iterator
from typing import Any

import yaml

WIDTH = 110
"""Columns of a comment."""


class Key(str):
    """A key of a mapping with the reason for what it holds; equal to the same text without one."""

    __slots__ = ("why",)
    why: str

    def __new__(cls, key: str, why: str) -> Key:
        made = super().__new__(cls, key)
        made.why = why
        return made


def to_yaml(value: dict[str, Any] | list[Any]) -> str:
    """One document that is a mapping or a list, not an empty one."""
    return "\n".join(_mapping(value, 0) if isinstance(value, dict) else _sequence(value, 0)) + "\n"


def _mapping(value: dict[str, Any], indent: int) -> Iterator[str]:
    for key, item in value.items():
        yield from _comment(getattr(key, "why", ""), indent)
        yield from _entry(" " * indent + _scalar(str(key)) + ":", item, indent)


def _entry(start: str, item: Any, indent: int) -> Iterator[str]:
    """A key with its value: beside it or below it."""
    if isinstance(item, dict) and item:
        yield start
        yield from _mapping(item, indent + 2)
    elif isinstance(item, (list, tuple)) and item:
        yield start
        yield from _sequence(item, indent)
    elif isinstance(item, str) and _is_block(item):
        yield start + (" |" if item.endswith("\n") else " |-")
        yield from (f"{' ' * (indent + 2)}{line}" if line else "" for line in item.removesuffix("\n").split("\n"))
    else:
        yield f"{start} {_scalar(item)}"


def _sequence(items: list[Any] | tuple[Any, ...], indent: int) -> Iterator[str]:
    for item in items:
        if not (isinstance(item, dict) and item):
            # A list below a dash stands deeper than the dash, below a key it may stand beside it.
            yield from _entry(" " * indent + "-", item, indent + 2 if isinstance(item, (list, tuple)) else indent)
            continue
        # The first key's reason stands above the dash: it is the item's.
        first = next(iter(item))
        yield from _comment(getattr(first, "why", ""), indent)
        lines = list(_mapping({str(first): item[first]} | {k: v for k, v in item.items() if k != first}, indent + 2))
        yield " " * indent + "- " + lines[0].lstrip()
        yield from lines[1:]


def _is_block(text: str) -> bool:
    """Whether a text can and should be written as lines: several of them, which the block keeps as they are."""
    lines = text.removesuffix("\n").split("\n")
    kept = all(line == line.rstrip() and line.isprintable() for line in lines)
    return len(lines) > 1 and kept and bool(lines[0]) and bool(lines[-1]) and not lines[0].startswith(" ")


def _scalar(value: Any) -> str:
    dumped: str = yaml.safe_dump(value, width=10**9, allow_unicode=True, default_flow_style=True)
    dumped = dumped.removesuffix("\n").removesuffix("\n...")
    if not dumped.isprintable():  # what folds over lines, or is not read back as it was: escaped, on one line
        escaped: str = yaml.safe_dump(value, width=10**9, default_style='"')
        return escaped.removesuffix("\n")
    return dumped


def _comment(text: str, indent: int) -> Iterator[str]:
    for paragraph in text.splitlines():
        yield from textwrap.wrap(
            paragraph, WIDTH, initial_indent=" " * indent + "# ", subsequent_indent=" " * indent + "# "
        )
