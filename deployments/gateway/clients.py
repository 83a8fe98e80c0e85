"""Identify clients by their API keys. The spec holds only the SHA-256 of each key."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from cluster.spec import GatewaySpec
from deployments.gateway.errors import HttpError
from deployments.gateway.page.assets import FOLDER

OPEN_PATHS = frozenset({"/", "/health", "/ready", "/metrics"})
"""Paths without a key: probes and scrapers read them, and the live page asks its user for a key."""


class Clients:
    """The clients of an endpoint. If the spec has no API keys, everybody may send requests."""

    def __init__(self, gateway: GatewaySpec) -> None:
        self._names = {key.sha256: name for name, key in gateway.api_keys.items()}

    def identify(self, path: str, headers: Mapping[str, str]) -> str | None:
        """Return the client's name in the spec; None if no key is needed.

        Raises:
            HttpError: 401 for a missing or unknown key.
        """
        if not self._names or path in OPEN_PATHS or path.startswith(FOLDER):
            return None
        scheme, _, key = headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not key.strip():
            raise _unknown("The request has no API key: send `Authorization: Bearer KEY`.")
        # Look up a digest instead of the key, so that the time of the look-up reveals nothing about valid keys.
        name = self._names.get(hashlib.sha256(key.strip().encode("utf-8", "surrogatepass")).hexdigest())
        if name is None:
            raise _unknown("The API key is unknown to this endpoint: check it, or ask the fleet's operator.")
        return name


def _unknown(message: str) -> HttpError:
    return HttpError(401, message, code="invalid_api_key")
