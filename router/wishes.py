"""What a request wishes, from the four places that may say it: body, header, API key, spec."""

from __future__ import annotations

from cluster.spec import FleetSpec
from cluster.wish import Wish, parse_wish
from deployments.gateway.errors import HttpError

ROUTE_HEADER = "x-signalbox-route"


def full_wish(spec: FleetSpec, in_body: Wish, header: str | None, client: str | None) -> Wish:
    """A request's wish with everything that it leaves open taken from the next default.

    Args:
        in_body: what the body's model name says, such as `auto:cheap`.
        header: the value of `x-signalbox-route`.
        client: the API key's name in the spec.

    Raises:
        HttpError: 400 for a header with words that do not exist.
    """
    try:
        in_header = parse_wish(header or "")
    except ValueError as error:
        raise HttpError(400, f"{ROUTE_HEADER}: {error}", param=ROUTE_HEADER) from error
    of_client = parse_wish(spec.gateway.api_keys[client].default) if client else Wish()
    return in_body.over(in_header.over(of_client.over(parse_wish(spec.routing.default))))
