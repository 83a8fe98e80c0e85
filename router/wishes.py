"""Combine a request's preferences from their four sources: body, header, API key and spec."""

from __future__ import annotations

from functools import lru_cache

from cluster.spec import FleetSpec
from cluster.wish import Wish, parse_wish
from router.types import BadRequest

ROUTE_HEADER = "x-signalbox-route"
_parsed = lru_cache(maxsize=1_000)(parse_wish)
"""Cached, because defaults are the same text for every request."""


def full_wish(spec: FleetSpec, in_body: Wish, header: str | None, client: str | None) -> Wish:
    """Return a request's preferences; the next default fills in each one that is missing.

    Args:
        in_body: preferences in the body's model name, such as `auto:cheap`.
        header: the value of `x-signalbox-route`.
        client: the API key's name in the spec.

    Raises:
        BadRequest: the header has an unknown word or an invalid number.
    """
    try:
        in_header = _parsed(header or "")
    except ValueError as error:
        raise BadRequest(f"{ROUTE_HEADER}: {error}", ROUTE_HEADER) from error
    of_client = _parsed(spec.gateway.api_keys[client].default) if client else Wish()
    return in_body.over(in_header.over(of_client.over(_parsed(spec.routing.default))))
