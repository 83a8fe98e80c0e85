"""Why a request was refused, in one of a few words that metrics can be split by."""

from __future__ import annotations

BY_CODE = {"no_ready_pool": "no_pool", "not_stored": "storage"}
"""Where the status alone does not tell."""
BY_STATUS = {
    400: "body",
    401: "auth",
    403: "auth",
    404: "unknown",
    405: "unknown",
    413: "too_large",
    429: "busy",
    502: "engine",
    503: "engine",
    504: "timeout",
}
INTERNAL = "internal"
REASONS = tuple(dict.fromkeys((*BY_STATUS.values(), *BY_CODE.values(), INTERNAL)))
"""All the words there are."""


def rejection_reason(status: int, code: str | None = None) -> str:
    """The word for an error response.

    Args:
        status: HTTP status, 400 and up.
        code: the error's own code in OpenAI's body, where the gateway made it.
    """
    if code in BY_CODE:
        return BY_CODE[code]
    return BY_STATUS.get(status, "body" if status < 500 else INTERNAL)


def is_outage(status: int) -> bool:
    """Whether an answer's status counts against the service, not against the client: 5xx, or shed with 429."""
    return status >= 500 or status == 429
