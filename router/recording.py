"""One line of an outcome file: a request as the router sees it, and what is known of its answers."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from router.types import RoutingRequest


def outcome_line(
    request: RoutingRequest,
    quality: Mapping[str, float] | None = None,
    output_tokens: Mapping[str, int] | None = None,
    answer: Mapping[str, str] | None = None,
    **more: Any,
) -> dict[str, Any]:
    """A JSON-ready line; what is unknown or usual is left out.

    Args:
        quality: how good the answers were, 0..1, by tier. A tier that is not there is not known, never bad.
        output_tokens: length of the answers by tier.
        answer: their texts by tier.
        more: where the line comes from, such as `source` and `request_id`.
    """
    traits = {
        "system": request.system,
        "turns": request.turns if request.turns > 1 else None,
        "tools": request.tools,
        "max_tokens": request.max_tokens,
        "prompt_tokens": request.prompt_tokens,
    }
    outcomes = {"quality": quality, "output_tokens": output_tokens, "answer": answer}
    known = {name: value for name, value in (traits | outcomes | more).items() if value}
    return {"query": request.text, **known}
