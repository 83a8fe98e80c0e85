"""HTTP to a running fleet's endpoint."""

from __future__ import annotations

from typing import Any

import httpx

DEFAULT_URL = "http://127.0.0.1:8000"


class EndpointError(Exception):
    """The endpoint cannot be reached or refused; the message says what to do."""


def get_json(url: str, path: str, timeout_s: float = 10.0) -> dict[str, Any]:
    """GET a JSON object.

    Raises:
        EndpointError: nothing listens there, it is not a Signalbox endpoint, or it answered with an error.
    """
    try:
        response = httpx.get(url.rstrip("/") + path, timeout=timeout_s)
        body = response.json()
    except httpx.HTTPError as error:
        raise EndpointError(f"no answer from {url} ({error}): start a fleet with `signalbox serve SPEC`") from error
    except ValueError as error:
        raise EndpointError(f"{url}{path} did not answer with JSON: is it a Signalbox endpoint?") from error
    if response.status_code >= 400 or not isinstance(body, dict):
        raise EndpointError(f"{url}{path} answered {response.status_code}: {response.text[:300]}")
    return body
