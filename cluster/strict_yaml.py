"""YAML of the plain kind: no key twice, scalars for keys, values that JSON has too, aliases that unfold to an end."""

from __future__ import annotations

from typing import Any

import yaml

MAX_NODES = 20_000
"""Values in a document with every alias written out: ten lines of aliases of aliases can stand for billions."""


PLAIN = ("str", "int", "float", "bool", "null", "merge", "map", "seq")
PLAIN_TAGS = frozenset(f"tag:yaml.org,2002:{kind}" for kind in PLAIN)
"""What JSON can carry too. YAML's dates, sets and bytes are nearly always text that lacks its quotes."""


class NotYaml(Exception):
    """The text cannot be used; the message has the line and column where they are known."""


def parse(text: str) -> Any:
    """The value a document stands for, None for an empty one.

    Raises:
        NotYaml: the text is not YAML, or not of the plain kind.
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
        # PyYAML lets errors of many kinds escape: `!!int x`, numbers of thousands of digits, control characters.
        raise NotYaml(f"not valid YAML: {' '.join(str(error).split())}") from error
    finally:
        loader.dispose()


def _check(node: yaml.Node, sizes: dict[int, int]) -> int:
    """Values from a node downwards, aliases written out. `sizes` remembers them; 0 marks a node still being counted."""
    if id(node) in sizes:
        if sizes[id(node)] == 0:
            raise NotYaml(f"{_where(node.start_mark)}this contains itself: an alias must not stand inside its anchor")
        return sizes[id(node)]
    if node.tag not in PLAIN_TAGS:
        kind = node.tag.rpartition(":")[2]
        raise NotYaml(f"{_where(node.start_mark)}found a value of the kind {kind}: write it in quotes, as text")
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
        raise NotYaml(f"{_where(node.start_mark)}more than {MAX_NODES} values with aliases written out: write fewer")
    sizes[id(node)] = size
    return size


def _check_keys(node: yaml.MappingNode) -> None:
    seen = set()
    for key, _ in node.value:
        if not isinstance(key, yaml.ScalarNode):
            raise NotYaml(f"{_where(key.start_mark)}a key has to be a plain name")
        if (key.tag, key.value) in seen:
            raise NotYaml(f"{_where(key.start_mark)}the key '{key.value}' stands twice: leave one out")
        seen.add((key.tag, key.value))


def _check_text(node: yaml.Node) -> None:
    try:
        node.value.encode("utf-8")
    except UnicodeEncodeError as error:  # "\ud800": half of a character
        raise NotYaml(f"{_where(node.start_mark)}not valid text") from error


def _where(mark: Any) -> str:
    return f"line {mark.line + 1}, column {mark.column + 1}: " if mark else ""
