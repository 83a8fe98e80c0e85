"""Fixtures for all tests: one running laptop fleet of real engines per session."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from fleet_process import ROOT, RunningFleet, left_behind, shared_memory, start_fleet, stop_fleet
from hypothesis import settings
from xdist.remote import Producer
from xdist.scheduler.loadscope import LoadScopeScheduling

settings.register_profile("any machine", deadline=None)  # how fast a machine is decides no test
settings.load_profile("any machine")


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
    assert left_behind(before) == set()


_LAPTOP_NAMES = (
    "apply bad_requests cancel dead_engine docs doors large_answers live_page logs_fleet metrics_fleet openai_client "
    "surface"
)
LAPTOP = frozenset(f"tests/e2e/test_{name}.py" for name in _LAPTOP_NAMES.split())
"""Files that talk to the laptop fleet: one worker runs them all, so that it starts once."""
_OWN_FLEETS = (
    "attached_fleet simulated_gpus scaling_fleet decoding_fleet escalation_fleet learning_loop monitor parallel_fleet"
)
FLEETS = frozenset(f"tests/e2e/test_{name}.py" for name in _OWN_FLEETS.split()) | {
    "tests/deployments/engines/test_same_answers.py"
}
"""Slow files with clusters: one worker runs them all, because two loaded clusters slow each other into timeouts."""
LONGEST = ("laptop", "fleets")
"""Groups that two workers begin with: what starts last ends last."""


def _group(nodeid: str) -> str:
    """Tests that share a fixture run in one process: those of a file, all that talk to the laptop fleet, and those with
    clusters that may not run side by side."""
    file = nodeid.split("::")[0]
    if file in LAPTOP:
        return "laptop"
    return "fleets" if file in FLEETS else file


class Groups(LoadScopeScheduling):
    """Two workers (`pytest -n 2`) take groups in turn: one waits for a fleet while the other computes."""

    def _split_scope(self, nodeid: str) -> str:
        return _group(nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Groups:
    """Give out tests by group."""
    return Groups(config, log)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest groups first.

    Raises:
        pytest.UsageError: a file with tests on the laptop fleet is not in LAPTOP.
    """
    if strays := {_group(item.nodeid) for item in items if item.get_closest_marker("fleet")} - {"laptop"}:
        raise pytest.UsageError(f"name these files in tests/conftest.py's LAPTOP: {', '.join(sorted(strays))}")
    order = {name: place for place, name in enumerate(LONGEST)}
    items.sort(key=lambda item: order.get(_group(item.nodeid), len(order)))
