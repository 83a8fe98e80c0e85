"""Who is asking: API keys, of which the spec knows only the SHA-256."""

from __future__ import annotations

import hashlib
from collections.abc import Mapping

from cluster.spec import GatewaySpec
from deployments.gateway.errors import HttpError
from deployments.gateway.page.assets import FOLDER

OPEN_PATHS = frozenset({"/", "/health", "/ready", "/metrics"})
"""Paths that probes and scrapers read without a key, and the live page, which asks for one."""


class Clients:
    """The clients of an endpoint; without any in the spec everybody may ask."""

    def __init__(self, gateway: GatewaySpec) -> None:
        self._names = {key.sha256: name for name, key in gateway.api_keys.items()}

    def identify(self, path: str, headers: Mapping[str, str]) -> str | None:
        """The client's name in the spec; None where no key is needed.

        Raises:
            HttpError: 401 without a known key.
        """
        if not self._names or path in OPEN_PATHS or path.startswith(FOLDER):
            return None
        scheme, _, key = headers.get("authorization", "").partition(" ")
        if scheme.lower() != "bearer" or not key.strip():
            raise _unknown("No API key came with the request: send `Authorization: Bearer KEY`.")
        # A digest is looked up, not the key: how long that takes tells nothing about the keys there are.
        name = self._names.get(hashlib.sha256(key.strip().encode("utf-8", "surrogatepass")).hexdigest())
        if name is None:
            raise _unknown("The API key is not one of this endpoint's: check it, or ask whoever runs the fleet.")
        return name


def _unknown(message: str) -> HttpError:
    return HttpError(401, message, code="invalid_api_key")
