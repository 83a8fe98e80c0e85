"""A plain subset of YAML: unique scalar keys, values that JSON has too, and aliases that expand to a bounded size."""

from __future__ import annotations

from typing import Any

import yaml

MAX_NODES = 20_000
"""Values in a document with every alias expanded: ten lines of aliases of aliases can mean billions."""

PLAIN = ("str", "int", "float", "bool", "null", "merge", "map", "seq")
PLAIN_TAGS = frozenset(f"tag:yaml.org,2002:{kind}" for kind in PLAIN)
"""Types that JSON has too. YAML's dates, sets and bytes are nearly always text without its quotes."""


class NotYaml(Exception):
    """The text cannot be used; the message has the line and column if they are known."""


def parse(text: str) -> Any:
    """The value of a document; None for an empty one.

    Raises:
        NotYaml: the text is not YAML, or outside the plain subset.
    """
    loader = yaml.SafeLoader("")
    try:
        loader = yaml.SafeLoader(text)
        node = loader.get_single_node()
        if node is None:
            return None
        _check(node, {})
        return loader.construct_document(node)
    except NotYaml:
        raise
    except yaml.MarkedYAMLError as error:
        text = " ".join(part for part in (error.context, error.problem) if part)
        raise NotYaml(f"{_where(error.problem_mark)}not valid YAML: {text}") from error
    except RecursionError as error:
        raise NotYaml("nested too deeply for a spec") from error
    except Exception as error:
        # PyYAML raises errors of many types: `!!int x`, numbers of thousands of digits, control characters.
        raise NotYaml(f"not valid YAML: {' '.join(str(error).split())}") from error
    finally:
        loader.dispose()


def _check(node: yaml.Node, sizes: dict[int, int]) -> int:
    """Number of values below a node, aliases expanded; 0 in `sizes` marks a node that is still being counted."""
    if id(node) in sizes:
        if sizes[id(node)] == 0:
            raise NotYaml(f"{_where(node.start_mark)}this contains itself: an alias must not be inside its anchor")
        return sizes[id(node)]
    if node.tag not in PLAIN_TAGS:
        kind = node.tag.rpartition(":")[2]
        raise NotYaml(f"{_where(node.start_mark)}invalid value of type {kind}, use text in quotes")
    sizes[id(node)] = 0
    size = 1
    if isinstance(node, yaml.MappingNode):
        _check_keys(node)
        size += sum(_check(key, sizes) + _check(value, sizes) for key, value in node.value)
    elif isinstance(node, yaml.SequenceNode):
        size += sum(_check(item, sizes) for item in node.value)
    elif not str(node.value).isascii():
        _check_text(node)
    if size > MAX_NODES:
        raise NotYaml(f"{_where(node.start_mark)}more than {MAX_NODES} values with aliases expanded: use fewer")
    sizes[id(node)] = size
    return size


def _check_keys(node: yaml.MappingNode) -> None:
    seen = set()
    for key, _ in node.value:
        if not isinstance(key, yaml.ScalarNode):
            raise NotYaml(f"{_where(key.start_mark)}a key must be a plain name")
        if (key.tag, key.value) in seen:
            raise NotYaml(f"{_where(key.start_mark)}the key '{key.value}' appears twice: remove one")
        seen.add((key.tag, key.value))


def _check_text(node: yaml.Node) -> None:
    try:
        node.value.encode("utf-8")
    except UnicodeEncodeError as error:  # "\ud800": half of a character
        raise NotYaml(f"{_where(node.start_mark)}not valid text") from error


def _where(mark: Any) -> str:
    return f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
