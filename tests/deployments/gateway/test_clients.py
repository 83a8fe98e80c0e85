"""API keys: known ones have a name, others are refused."""

from __future__ import annotations

import hashlib

import pytest

from cluster.spec import GatewaySpec
from deployments.gateway.clients import Clients
from deployments.gateway.errors import HttpError

KEY = "sk-one"
GATEWAY = GatewaySpec.model_validate({"api_keys": {"alice": {"sha256": hashlib.sha256(KEY.encode()).hexdigest()}}})


@pytest.mark.parametrize(
    ("path", "headers", "client"),
    [
        ("/v1/models", {"authorization": f"Bearer {KEY}"}, "alice"),
        ("/v1/models", {"authorization": f"bearer   {KEY} "}, "alice"),
        ("/health", {}, None),
        ("/ready", {}, None),
        ("/metrics", {"authorization": "Bearer wrong"}, None),
    ],
)
def test_known_keys_and_open_paths(path, headers, client):
    assert Clients(GATEWAY).identify(path, headers) == client


@pytest.mark.parametrize(
    "header", [None, "", "Bearer", "Bearer ", "Bearer wrong", f"Basic {KEY}", KEY, "Bearer \udcff", f"Bearer {KEY}x"]
)
def test_others_are_refused(header):
    headers = {} if header is None else {"authorization": header}
    with pytest.raises(HttpError) as caught:
        Clients(GATEWAY).identify("/v1/models", headers)
    assert caught.value.status == 401
    assert b"invalid_api_key" in caught.value.body
    assert KEY.encode() not in caught.value.body


def test_without_keys_in_the_spec_everybody_may_ask():
    assert Clients(GatewaySpec()).identify("/v1/models", {}) is None
