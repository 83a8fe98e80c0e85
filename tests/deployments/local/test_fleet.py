"""A local fleet's start and end, without starting one."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from cluster.loading import PROJECT_ROOT, load_spec
from deployments.hardware.machine import Machine
from deployments.local import fleet as module
from deployments.local import folders
from deployments.local.fleet import LocalFleet
from deployments.start_watch import FleetFailed


@pytest.fixture
def fleet():
    made = LocalFleet(load_spec(PROJECT_ROOT / "examples" / "laptop.yaml"))
    yield made
    made.stop()


def test_a_ray_that_does_not_start_is_said_without_a_traceback(fleet, monkeypatch):
    def start_nodes(said):
        raise TimeoutError("node 2 did not register")

    monkeypatch.setattr(fleet, "_require_port", lambda: None)
    monkeypatch.setattr(fleet, "start_nodes", start_nodes)
    with pytest.raises(FleetFailed, match=r"Ray did not start \(node 2 did not register\): .* try again"):
        fleet.start()


def test_a_taken_port_is_said_before_anything_starts(fleet):
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        sock.listen()
        gateway = fleet.spec.gateway.model_copy(update={"port": sock.getsockname()[1]})
        fleet.spec = fleet.spec.model_copy(update={"gateway": gateway})
        with pytest.raises(FleetFailed, match=r"is taken: stop what listens there, set gateway\.port in the spec, or"):
            fleet.start()
    assert not fleet.started


def test_a_full_disk_is_said_plainly(fleet, monkeypatch):
    monkeypatch.setattr(folders, "PARENT", Path("/nowhere"))
    monkeypatch.setattr(fleet, "_require_port", lambda: None)
    with pytest.raises(FleetFailed, match=r"no folder can be made in /nowhere \(No such file or directory\)"):
        fleet.start()
    assert not fleet.started


def test_a_machine_without_the_specs_gpus_starts_nothing(monkeypatch, tmp_path):
    monkeypatch.setattr(folders, "PARENT", tmp_path)
    monkeypatch.setattr(module, "environment", lambda *_: {})
    monkeypatch.setattr(module, "make_ray_read_again", lambda: None)
    monkeypatch.setattr(module, "this_machine", lambda: Machine((), "CUDA_VISIBLE_DEVICES", 2, 8.0))
    fleet = LocalFleet(load_spec(PROJECT_ROOT / "examples" / "h100.yaml"))
    monkeypatch.setattr(fleet, "_require_port", lambda: None)
    with pytest.raises(FleetFailed, match=r"hardware\.h100\.device: .*\nhardware\.h100\.nodes: 4 are asked for"):
        fleet.start()
    assert not fleet.started
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("keeps", [True, False])
def test_a_fleet_that_was_not_started_removes_nothing(fleet, monkeypatch, keeps):
    monkeypatch.setattr(module.shutil, "rmtree", lambda *_, **__: pytest.fail("removed something"))
    assert fleet.stop(keeps) == "nothing was started"
