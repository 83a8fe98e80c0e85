"""HTTP to a running fleet's endpoint."""

from __future__ import annotations

import os
from typing import Any

import httpx

DEFAULT_URL = "http://127.0.0.1:8000"
KEY_VARIABLE = "SIGNALBOX_API_KEY"
"""Environment variable with the key to send, for fleets whose spec has `gateway.api_keys`."""


class EndpointError(Exception):
    """The endpoint cannot be reached or refused; the message says what to do."""


def authorization() -> dict[str, str]:
    """The header that names this client, where the environment holds a key."""
    key = os.environ.get(KEY_VARIABLE)
    return {"authorization": f"Bearer {key}"} if key else {}


def get_json(url: str, path: str, timeout_s: float = 10.0) -> dict[str, Any]:
    """GET a JSON object.

    Raises:
        EndpointError: nothing listens there, it is not a Signalbox endpoint, or it answered with an error.
    """
    return send("GET", url, path, timeout_s=timeout_s)


def send(method: str, url: str, path: str, content: bytes | None = None, timeout_s: float = 10.0) -> dict[str, Any]:
    """Send a request with a body of bytes and return the JSON object that answers it.

    Raises:
        EndpointError: as get_json.
    """
    try:
        target = url.rstrip("/") + path
        response = httpx.request(method, target, content=content, headers=authorization(), timeout=timeout_s)
        body = response.json()
    except (httpx.HTTPError, httpx.InvalidURL) as error:
        raise EndpointError(f"no answer from {url} ({error}): start a fleet with `signalbox serve SPEC`") from error
    except ValueError as error:
        raise EndpointError(f"{url}{path} did not answer with JSON: is it a Signalbox endpoint?") from error
    if response.status_code >= 400 or not isinstance(body, dict):
        raise EndpointError(f"{url}{path} answered {response.status_code}: {_said(body) or response.text[:300]}")
    return body


def _said(body: Any) -> str:
    """The message of an OpenAI-style error body."""
    error = body.get("error") if isinstance(body, dict) else None
    return str(error.get("message", "")) if isinstance(error, dict) else ""
