"""The capabilities that an answer to a request needs from its pool."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

STRUCTURED_FORMATS = ("json_object", "json_schema", "structural_tag")


def needs_of(body: Mapping[str, Any], messages: Sequence[Mapping[str, Any]] = ()) -> frozenset[str]:
    """Return the needs of a body and of its history: earlier tool calls need a template that knows tools."""
    found = set()
    if body.get("tools") and body.get("tool_choice") != "none":
        found.add("tools")
    if any(message.get("role") in ("tool", "function") or message.get("tool_calls") for message in messages):
        found.add("tools")
    if _is_structured(body):
        found.add("structured_outputs")
    if any(_has_image(message.get("content")) for message in messages):
        found.add("vision")
    return frozenset(found)


def _is_structured(body: Mapping[str, Any]) -> bool:
    response_format = body.get("response_format")
    if isinstance(response_format, dict) and response_format.get("type") in STRUCTURED_FORMATS:
        return True
    guided = any(value for key, value in body.items() if key.startswith("guided_"))
    return bool(body.get("structured_outputs")) or guided


def _has_image(content: Any) -> bool:
    parts = content if isinstance(content, list) else ()
    return any(isinstance(part, dict) and "image" in str(part.get("type")) for part in parts)
