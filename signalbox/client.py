"""HTTP to a running fleet's endpoint."""

from __future__ import annotations

import os
from typing import Any

import httpx

DEFAULT_URL = "http://127.0.0.1:8000"
KEY_VARIABLE = "SIGNALBOX_API_KEY"
"""Environment variable with the key to send, for fleets whose spec has `gateway.api_keys`."""


class EndpointError(Exception):
    """The endpoint cannot be reached or returned an error; the message says what to do."""


def authorization() -> dict[str, str]:
    """The header that names this client, if the environment has a key."""
    key = os.environ.get(KEY_VARIABLE)
    return {"authorization": f"Bearer {key}"} if key else {}


def fleet_pools(url: str) -> dict[str, dict[str, Any]]:
    """The pools of GET /v1/fleet by name.

    Raises:
        EndpointError: as get_json, or the response has no pools.
    """
    pools = get_json(url, "/v1/fleet").get("pools")
    if not isinstance(pools, dict):
        raise EndpointError(f"{url}/v1/fleet lists no pools: is it a Signalbox endpoint?")
    return pools


def get_json(url: str, path: str, timeout_s: float = 10.0) -> dict[str, Any]:
    """GET a JSON object.

    Raises:
        EndpointError: nothing listens there, it is not a Signalbox endpoint, or it returned an error.
    """
    return send("GET", url, path, timeout_s=timeout_s)


def send(method: str, url: str, path: str, content: bytes | None = None, timeout_s: float = 10.0) -> dict[str, Any]:
    """Send a request with a body of bytes and return the JSON object of the response.

    Raises:
        EndpointError: as get_json.
    """
    try:
        target = url.rstrip("/") + path
        response = httpx.request(method, target, content=content, headers=authorization(), timeout=timeout_s)
        body = response.json()
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise EndpointError(f"no response from {url} ({error}): start a fleet with `signalbox serve SPEC`") from error
    except ValueError as error:
        raise EndpointError(f"{url}{path} did not return JSON: is it a Signalbox endpoint?") from error
    if response.status_code >= 400 or not isinstance(body, dict):
        message = _message(body) or response.text[:300]
        raise EndpointError(f"{url}{path} returned {response.status_code}: {message}")
    return body


def _message(body: Any) -> str:
    """The message of an OpenAI-style error body."""
    error = body.get("error") if isinstance(body, dict) else None
    return str(error.get("message", "")) if isinstance(error, dict) else ""
