"""Errors that cross processes: the OpenAI-style error body, and a replica's report that its engine is dead."""

from __future__ import annotations

import json
import re

TYPES = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "invalid_request_error",
    405: "invalid_request_error",
    413: "invalid_request_error",
    429: "rate_limit_error",
}


CONTEXT_REFUSAL = re.compile(
    rb"context_length_exceeded|exceed_context_size|maximum (?:context|model) length|context (?:size|window)", re.I
)
"""How engines say that a request does not fit their context: vLLM and the batch engines, OpenAI, llama.cpp."""


class EngineDead(Exception):
    """The engine or one of its ranks is gone and will not come back; the replica has to be replaced."""


class StartFailed(Exception):
    """A replica did not start. The message says why and names its log file, because Serve shows only the message."""


MAX_CHARACTERS = 2_000
"""Engines repeat what was wrong with a request, which may be most of a large body."""


def error_body(status: int, message: str, *, param: str | None = None, code: str | None = None) -> bytes:
    """A JSON body `{"error": {message, type, param, code}}`, the one shape of every error over HTTP.

    A message or field name of more than MAX_CHARACTERS is cut.
    """
    kind = TYPES.get(status, "invalid_request_error" if status < 500 else "server_error")
    error = {"message": _cut(message), "type": kind, "param": param and _cut(param), "code": code}
    return json.dumps({"error": error}, ensure_ascii=True).encode()


def is_context_refusal(status: int, body: bytes) -> bool:
    """Whether an engine refuses a request because it does not fit the context."""
    return status in (400, 413) and CONTEXT_REFUSAL.search(body[: 2 * MAX_CHARACTERS]) is not None


def _cut(text: str) -> str:
    more = len(text) - MAX_CHARACTERS
    return text if more <= 0 else f"{text[:MAX_CHARACTERS]} ... ({more} more characters)"
