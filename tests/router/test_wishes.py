"""Wishes: the body over the header over the API key over the spec."""

from __future__ import annotations

import pytest

from cluster.spec import FleetSpec
from cluster.wish import Wish, parse_wish
from router.types import BadRequest
from router.wishes import full_wish

SPEC = FleetSpec.model_validate(
    {
        "pools": {"small": {"tier": "small", "model": "org/small", "engine": {"kind": "simulated"}}},
        "gateway": {"api_keys": {"alice": {"sha256": "0" * 64, "default": "auto:cheap,quality=0.5"}}},
        "routing": {"default": "cost=5"},
    }
)


@pytest.mark.parametrize(
    ("body", "header", "client", "wish"),
    [
        ("", None, None, Wish(max_cost=5)),
        ("", None, "alice", Wish("cheap", 0.5, 5)),
        ("", "best", "alice", Wish("best", 0.5, 5)),
        ("quality=0.9", "best", "alice", Wish("best", 0.9, 5)),
        ("cheap", "auto:best,no-escalation", None, Wish("cheap", None, 5, False)),
    ],
)
def test_the_body_beats_the_header_beats_the_key_beats_the_spec(body, header, client, wish):
    assert full_wish(SPEC, parse_wish(body), header, client) == wish


@pytest.mark.parametrize("header", ["fast", "quality", "cheap,cheap", "quality=2", "\x00", "best;drop"])
def test_wrong_words_in_the_header_are_refused(header):
    with pytest.raises(BadRequest, match="x-signalbox-route") as caught:
        full_wish(SPEC, Wish(), header, None)
    assert caught.value.param == "x-signalbox-route"
