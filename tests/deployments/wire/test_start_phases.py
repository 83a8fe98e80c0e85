"""Phases of a start: each second counts once, wherever it was measured."""

from __future__ import annotations

import contextlib

import pytest

from deployments.wire import start_phases
from deployments.wire.start_phases import StartClock, in_order, slowest


@pytest.fixture
def clock(monkeypatch):
    """A StartClock whose time passes as told by `clock.wait`."""
    now_s = [100.0]
    monkeypatch.setattr(start_phases.time, "perf_counter", lambda: now_s[0])
    made = StartClock()
    made.wait = lambda seconds: now_s.__setitem__(0, now_s[0] + seconds)
    return made


def test_a_phase_that_comes_twice_is_summed_up(clock):
    for seconds in (2.0, 0.5):
        with clock.phase("load"):
            clock.wait(seconds)
        clock.wait(9.0)
    assert clock.seconds == {"load": 2.5}


def test_what_fails_has_no_time(clock):
    with contextlib.suppress(RuntimeError), clock.phase("load"):
        clock.wait(1.0)
        raise RuntimeError
    assert clock.seconds == {}


def test_parts_are_taken_out_of_the_whole(clock):
    with clock.phase("launch"):
        clock.wait(10.0)
    clock.split("launch", {"load": 3.0, "compile": 4.0})
    assert clock.seconds == {"launch": 3.0, "load": 3.0, "compile": 4.0}


def test_ranks_side_by_side_take_as_long_as_the_slowest():
    assert slowest([{"load": 1.0, "compile": 5.0}, {"load": 2.0}]) == {"load": 2.0, "compile": 5.0}
    assert slowest([]) == {}


def test_phases_are_told_in_the_order_in_which_they_happen():
    assert in_order({"warm_up": 1.0, "launch": 2.0, "import": 3.0}) == (
        ("import", 3.0),
        ("launch", 2.0),
        ("warm_up", 1.0),
    )
