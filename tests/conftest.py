"""Fixtures for all tests: one running laptop fleet of real engines per session."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from fleet_process import ROOT, RunningFleet, shared_memory, start_fleet, stop_fleet


@pytest.fixture(scope="session")
def fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningFleet]:
    """The laptop fleet with its three trained models; SIGNALBOX_TEST_URL names one that runs already."""
    if url := os.environ.get("SIGNALBOX_TEST_URL"):
        yield RunningFleet(url)
        return
    before = shared_memory()
    running = start_fleet(ROOT / "examples" / "laptop.yaml", tmp_path_factory.mktemp("fleet") / "serve.log")
    yield running
    stop_fleet(running)
    assert shared_memory() <= before
