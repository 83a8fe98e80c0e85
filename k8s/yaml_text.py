"""YAML with comments that give reasons. Manifests are plain dicts and lists; a `Key` carries the reason.

PyYAML writes the scalars, so it decides about quoting. The order of the output is the order of the data.
"""

from __future__ import annotations

import re
import textwrap
from collections.abc import Iterator
from typing import Any

import yaml

WIDTH = 110
"""Width of a comment, in columns."""


AMBIGUOUS = re.compile(r"[yYnN]|[-+]?(\.[0-9]+|[0-9][0-9_]*(\.[0-9_]*)?)([eE][-+]?[0-9]+)?|0[xXoObB][0-9a-fA-F_]+")
"""Texts that PyYAML leaves bare, but that other readers take for a boolean or a number, such as KubeRay's."""


class Dumper(yaml.SafeDumper):
    """PyYAML's dumper, which also quotes what other readers of YAML would misread."""

    def represent_text(self, text: str) -> yaml.ScalarNode:
        """A text as a scalar."""
        return self.represent_scalar("tag:yaml.org,2002:str", text, style="'" if AMBIGUOUS.fullmatch(text) else None)


Dumper.add_representer(str, Dumper.represent_text)


class Key(str):
    """A key of a mapping with the reason for its value. It equals a plain string with the same text."""

    __slots__ = ("why",)
    why: str

    def __new__(cls, key: str, why: str) -> Key:
        instance = super().__new__(cls, key)
        instance.why = why
        return instance


def to_yaml(value: dict[str, Any] | list[Any]) -> str:
    """One YAML document from a mapping or a list that is not empty."""
    return "\n".join(_mapping(value, 0) if isinstance(value, dict) else _sequence(value, 0)) + "\n"


def _mapping(value: dict[str, Any], indent: int) -> Iterator[str]:
    for key, item in value.items():
        yield from _comment(getattr(key, "why", ""), indent)
        yield from _entry(" " * indent + _scalar(str(key)) + ":", item, indent)


def _entry(start: str, item: Any, indent: int) -> Iterator[str]:
    """A key with its value, on the same line or below it."""
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
            # A list below a dash must be indented; below a key it need not be.
            yield from _entry(" " * indent + "-", item, indent + 2 if isinstance(item, (list, tuple)) else indent)
            continue
        # The first key's reason is written above the dash, because it is the item's reason.
        first = next(iter(item))
        yield from _comment(getattr(first, "why", ""), indent)
        lines = list(_mapping({str(first): item[first]} | {k: v for k, v in item.items() if k != first}, indent + 2))
        yield " " * indent + "- " + lines[0].lstrip()
        yield from lines[1:]


def _is_block(text: str) -> bool:
    """Whether to write a text as a block: it has several lines, and a block preserves them exactly."""
    lines = text.removesuffix("\n").split("\n")
    preserved = all(line == line.rstrip() and line.isprintable() for line in lines)
    return len(lines) > 1 and preserved and bool(lines[0]) and bool(lines[-1]) and not lines[0].startswith(" ")


def _scalar(value: Any) -> str:
    dumped: str = yaml.dump(value, Dumper=Dumper, width=10**9, allow_unicode=True, default_flow_style=True)
    dumped = dumped.removesuffix("\n").removesuffix("\n...")
    if not dumped.isprintable():  # a text that YAML would fold or not read back unchanged is escaped, on one line
        escaped: str = yaml.safe_dump(value, width=10**9, default_style='"')
        return escaped.removesuffix("\n")
    return dumped


def _comment(text: str, indent: int) -> Iterator[str]:
    for paragraph in text.splitlines():
        yield from textwrap.wrap(
            paragraph, WIDTH, initial_indent=" " * indent + "# ", subsequent_indent=" " * indent + "# "
        )
