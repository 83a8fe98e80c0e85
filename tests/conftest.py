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


LONGEST = ("laptop", "tests/e2e/test_scaling_fleet.py")
"""Groups that two workers begin with: what starts last ends last."""


def _group(item: pytest.Item) -> str:
    """Tests that share a fixture run in one process: those of a file, and all that talk to the laptop fleet."""
    return "laptop" if item.get_closest_marker("fleet") else item.nodeid.split("::")[0]


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Two workers (`pytest -n 2 --dist loadgroup`) take groups in turn: one waits for a fleet, the other computes."""
    items.sort(key=lambda item: LONGEST.index(_group(item)) if _group(item) in LONGEST else len(LONGEST))
    if config.pluginmanager.hasplugin("xdist"):
        for item in items:
            item.add_marker(pytest.mark.xdist_group(_group(item)))
