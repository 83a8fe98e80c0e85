"""Check the fields of a request body that every engine reads the same way: types, ranges, and valid values."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from router.types import BadRequest

MAX_DEPTH = 100
"""Maximum nesting of lists and objects in a body. Real bodies have about ten levels; Python allows some hundred."""

RANGES: dict[str, tuple[float, float, bool]] = {
    # field: lowest, highest, whether it must be an integer
    "max_tokens": (1, 2**31 - 1, True),
    "max_completion_tokens": (1, 2**31 - 1, True),
    "n": (1, 128, True),
    "temperature": (0, 2, False),
    "top_p": (0, 1, False),
    "presence_penalty": (-2, 2, False),
    "frequency_penalty": (-2, 2, False),
    "top_logprobs": (0, 20, True),
    "seed": (-(2**63), 2**63 - 1, True),
}


def check_fields(body: Mapping[str, Any]) -> None:
    """Check the fields that chats and completions have in common.

    Raises:
        BadRequest: a field is invalid; the error names the first one.
    """
    _check_depth(body)
    model = body.get("model", "auto")
    if not isinstance(model, str) or not model:
        raise BadRequest(f"model is {shown(model)}: use `auto` or a model name", "model")
    check_flag(body, "stream")
    for name, (low, high, whole) in RANGES.items():
        value = body.get(name)
        right_type = is_int(value) if whole else _is_number(value)
        if value is not None and not (right_type and low <= value <= high):
            kind = "an integer" if whole else "a number"
            raise BadRequest(f"{name} is {shown(value)}: use {kind} from {low:g} to {high:g}", name)
    stop = body.get("stop")
    if not (stop is None or isinstance(stop, str) or _is_list_of(str, stop)):
        raise BadRequest(f"stop is {shown(stop)}: use text or a list of texts", "stop")
    for name in ("tools", "functions"):
        tools = body.get(name)
        if tools is not None and not _is_list_of(dict, tools):
            raise BadRequest(f"{name} is {shown(tools)}: use a list of tool definitions", name)


def check_flag(body: Mapping[str, Any], name: str) -> None:
    """Check that a field is true, false, null or absent.

    Raises:
        BadRequest: it has another value.
    """
    value = body.get(name)
    if not isinstance(value, (bool, type(None))):
        raise BadRequest(f"{name} is {shown(value)}: use true or false", name)


def is_int(value: Any) -> bool:
    """Whether a JSON value is an integer; true and false are not."""
    return isinstance(value, int) and not isinstance(value, bool)


def shown(value: Any) -> str:
    """Return a JSON value as shortened text for a message."""
    if value is None:
        return "missing or null"
    text = json.dumps(value, default=str)
    return text if len(text) <= 80 else text[:77] + "..."


def _check_depth(body: Mapping[str, Any]) -> None:
    """Reject nesting that would exhaust the stack when the body is printed or sent to a replica."""
    for name, field in body.items():
        level = [field]
        for _ in range(MAX_DEPTH):
            level = [inner for outer in level for inner in _inner(outer)]
            if not level:
                break
        else:
            raise BadRequest(f"{name[:50]} is nested deeper than {MAX_DEPTH} levels: use fewer levels", name[:50])


def _inner(value: Any) -> list[Any]:
    """Return the lists and objects directly inside a JSON value."""
    parts = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return [part for part in parts if isinstance(part, (dict, list))]


def _is_number(value: Any) -> bool:
    return isinstance(value, (int, float)) and not isinstance(value, bool)


def _is_list_of(kind: type, value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(item, kind) for item in value)
