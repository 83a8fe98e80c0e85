"""A fleet in the foreground: what is printed, in which order, and with which status it ends."""

from __future__ import annotations

import io
import signal
from types import SimpleNamespace

import pytest
from ray.serve.schema import DeploymentStatus
from rich.console import Console

from deployments.start_watch import FleetFailed, PartState
from signalbox import serving
from signalbox.serving import serve_until_stopped

LOADING, READY, BROKEN = (
    PartState("loading"),
    PartState("ready"),
    PartState("failing", "no such file\nlog: /a.log on h"),
)


def deployment(status, message=""):
    return SimpleNamespace(status=DeploymentStatus(status), message=message, replica_states={})


def app(**deployments):
    return SimpleNamespace(deployments=deployments)


class Fleet:
    """As LocalFleet, with a start and statuses that a test gives."""

    url = "http://h:1"

    def __init__(self, progress, statuses=(), start=lambda: None):
        self._progress, self._statuses, self._start = progress, list(statuses), start
        self.started = False
        self.kept = None

    def start(self, said):
        self._start()
        self.started = True
        said("Ray Serve")

    def progress(self, timeout_s):
        for each in self._progress:
            if isinstance(each, Exception):
                raise each
            yield each

    def status(self):
        if not self._statuses:
            signal.raise_signal(signal.SIGINT)
        next_one = self._statuses.pop(0)
        if isinstance(next_one, Exception):
            raise next_one
        return next_one

    def about(self):
        return {"logs": "/nowhere"}

    def stop(self, keep_logs):
        self.kept = keep_logs
        return "stopped"


@pytest.fixture
def run(monkeypatch):
    """Run a fleet; returns its status, its output and its errors."""
    monkeypatch.setattr(serving, "LOOK_EVERY_S", 0.0)

    def run(fleet):
        out, err = io.StringIO(), io.StringIO()
        status = serve_until_stopped(fleet, 9.0, Console(file=out, width=200), Console(file=err, width=200))
        return status, out.getvalue(), err.getvalue()

    return run


def test_a_healthy_fleet_says_where_it_is_and_ends_with_ctrl_c(run):
    fleet = Fleet([{"gateway": READY, "a": LOADING}, {"gateway": READY, "a": READY}])
    status, out, err = run(fleet)
    assert (status, err, fleet.kept) == (0, "", False)
    assert "a: loading\na: ready\n" in out
    for line in ("endpoint   http://h:1/v1", "page       http://h:1/", "logs       /nowhere", "stopped"):
        assert line in out.splitlines()
    assert "failing" not in out


def test_a_pool_that_fails_is_said_at_once_and_again_when_it_changes(run):
    failed = "A replica failed to start with exception. Retrying 9 more time(s). Error:\n"
    again, otherwise = f"{failed}no such file\nlog: /b.log on h", f"{failed}no room\nlog: /c.log on h"
    fleet = Fleet(
        [{"gateway": READY, "a": LOADING, "b": BROKEN}, {"gateway": READY, "a": READY, "b": BROKEN}],
        [
            app(gateway=deployment("HEALTHY"), a=deployment("HEALTHY"), b=deployment("UPDATING", again)),
            app(b=deployment("UPDATING", otherwise)),
            FleetFailed("Ray Serve does not answer"),
            FleetFailed("Ray Serve does not answer"),
            app(b=deployment("HEALTHY")),
        ],
    )
    status, out, _ = run(fleet)
    lines = out.splitlines()
    begin = lines.index("b: failing, retrying")
    assert lines[begin : begin + 4] == ["b: failing, retrying", "b: no such file", "log: /a.log on h", "a: ready"]
    assert lines.count("b: no such file") == 1
    assert "/b.log" not in out
    assert out.index("without some pools") < out.index("b: failing, retrying: no room\nlog: /c.log on h")
    assert lines.count("Ray Serve does not answer") == 1
    assert lines.index("b: ready") > lines.index("Ray Serve does not answer")
    assert (status, fleet.kept) == (0, False)


def test_logs_of_a_pool_that_never_came_are_kept(run):
    fleet = Fleet([{"gateway": READY, "a": READY, "b": BROKEN}])
    assert run(fleet)[0] == 0
    assert fleet.kept is True


def test_a_fleet_that_cannot_serve_ends_with_the_reason(run):
    fleet = Fleet([{"a": BROKEN}, FleetFailed("a: no such file")])
    status, out, err = run(fleet)
    assert (status, err, fleet.kept) == (1, "a: no such file\n", True)
    assert out.endswith("stopping the fleet ...\nstopped\n")


def test_what_was_not_started_is_not_stopped(run):
    def start():
        raise FleetFailed("port 1 is taken")

    assert run(Fleet([], start=start)) == (1, "", "port 1 is taken\n")


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_ctrl_c_while_it_starts_stops_it(run, number):
    def progress():
        yield {"a": LOADING}
        signal.raise_signal(number)
        pytest.fail("went on")

    fleet = Fleet(progress())
    status, out, err = run(fleet)
    assert (status, err) == (130, "")
    assert out.endswith("stopping the fleet ...\nstopped\n")


def test_a_second_ctrl_c_does_not_interrupt_the_end(run, monkeypatch):
    fleet = Fleet([{"gateway": READY, "a": READY}])

    def stop(keep_logs):
        signal.raise_signal(signal.SIGINT)
        return "stopped"

    monkeypatch.setattr(fleet, "stop", stop)
    status, out, _ = run(fleet)
    assert status == 0
    assert out.endswith("stopped\n")
