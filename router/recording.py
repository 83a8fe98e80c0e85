"""One line of an outcome file: a request as the router sees it, and what is known about its answers."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping, Sequence
from typing import Any

from router.types import RoutingRequest


def outcome_line(
    request: RoutingRequest,
    quality: Mapping[str, float] | None = None,
    output_tokens: Mapping[str, int] | None = None,
    answer: Mapping[str, str] | None = None,
    **more: Any,
) -> dict[str, Any]:
    """Return a JSON-ready line without the fields that are unknown or have their usual value.

    Args:
        quality: quality of the answers, 0..1, by tier. A missing tier is unknown, not bad.
        output_tokens: length of the answers in tokens, by tier.
        answer: texts of the answers, by tier.
        more: the origin of the line, such as `source` and `request_id`.
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


def latest_feedback(lines: Sequence[str]) -> list[str]:
    """Return the lines of an outcome file; feedback becomes blank if later feedback on the same request replaces it.

    Lines keep their numbers, and invalid lines stay: the reader reports them with their number.
    """
    kept = list(lines)
    newest: dict[str, tuple[float, int]] = {}
    for index, line in enumerate(lines):
        feedback = _feedback_of(line) if '"feedback"' in line else None
        if feedback is None:
            continue
        request_id, at_s = feedback
        before = newest.get(request_id, (-math.inf, -1))
        newest[request_id] = max(before, (at_s, index))
        if before[1] >= 0:
            kept[min(before, (at_s, index))[1]] = ""
    return kept


def _feedback_of(line: str) -> tuple[str, float] | None:
    """Return the request id and Unix time of a line of feedback; None for any other line."""
    try:
        row = json.loads(line)
        if row["source"] == "feedback":
            return str(row["request_id"]), float(row["at_s"])
    except (ValueError, LookupError, TypeError, RecursionError):
        pass
    return None
