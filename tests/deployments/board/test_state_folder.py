"""The spec's folder, else one named after the fleet in the user's cache."""

from __future__ import annotations

from pathlib import Path

import pytest

from cluster.spec import FleetSpec
from deployments.board.state_folder import state_folder


@pytest.mark.parametrize(
    ("written", "cache", "folder"),
    [
        ("/var/lib/fleet", "/cache", Path("/var/lib/fleet")),
        ("~/state", None, Path.home() / "state"),
        ("state", None, Path.cwd() / "state"),
        (None, "/cache", Path("/cache/signalbox/mine")),
        (None, None, Path.home() / ".cache/signalbox/mine"),
    ],
)
def test_where_state_is_kept(monkeypatch, written, cache, folder):
    if cache:
        monkeypatch.setenv("XDG_CACHE_HOME", cache)
    else:
        monkeypatch.delenv("XDG_CACHE_HOME", raising=False)
    pools = {"small": {"tier": "small", "model": "m", "engine": {"kind": "simulated"}}}
    spec = FleetSpec.model_validate({"name": "mine", "pools": pools, "routing": {"state_folder": written}})
    assert state_folder(spec) == folder
