"""Why a request was rejected, as one of a few words for a metric's label."""

from __future__ import annotations

BY_CODE = {"no_ready_pool": "no_pool", "not_stored": "storage"}
"""Error codes whose status has several reasons."""
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
"""All reasons."""


def rejection_reason(status: int, code: str | None = None) -> str:
    """The reason of an error response.

    Args:
        status: HTTP status, 400 and up.
        code: the error code in the body, if the gateway made the error.
    """
    if code in BY_CODE:
        return BY_CODE[code]
    return BY_STATUS.get(status, "body" if status < 500 else INTERNAL)


def is_outage(status: int) -> bool:
    """Whether a response counts against the service and not against the client: 5xx, or shed with 429."""
    return status >= 500 or status == 429
