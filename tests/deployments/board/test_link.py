"""The link to the fleet board: a typed method for each of the board's, and None instead of an error."""

from __future__ import annotations

import asyncio
import inspect
from types import SimpleNamespace

import pytest

from cluster.spec import FleetSpec
from deployments.board.board import FleetBoard
from deployments.board.link import BoardLink

SPEC = FleetSpec.model_validate({"pools": {"small": {"tier": "small", "model": "a", "engine": {"kind": "simulated"}}}})


class Actor:
    """As a Ray actor of the board: answers, raises, or never answers."""

    def __init__(self, result):
        self.result = result
        self.calls = []

    def __getattr__(self, name):
        async def remote(*args):
            self.calls.append((name, *args))
            if isinstance(self.result, Exception):
                raise self.result
            if self.result == "never":
                await asyncio.sleep(60)
            return self.result

        return SimpleNamespace(remote=remote)


def public(cls):
    return {name: each for name, each in vars(cls).items() if inspect.isfunction(each) and not name.startswith("_")}


def test_every_call_of_the_board_has_a_method_with_the_same_parameters():
    assert public(BoardLink).keys() == public(FleetBoard).keys()
    for name, method in public(FleetBoard).items():
        link = inspect.signature(getattr(BoardLink, name))
        board = inspect.signature(method)
        assert list(link.parameters.values()) == list(board.parameters.values())
        assert link.return_annotation.removesuffix(" | None") == board.return_annotation.removesuffix(" | None")


@pytest.mark.parametrize(
    ("name", "args"),
    [
        ("report", ("state",)),
        ("leave", ("r",)),
        ("apply", ("spec",)),
        ("exchange", ("report",)),
        ("recall", ("id",)),
        ("scaling", (5,)),
        ("artifact", ("1-ab",)),
        ("use_artifact", (b"x",)),
        ("roll_back_artifact", ()),
        ("exchange_scaling", ([],)),
    ],
)
def test_each_method_calls_its_namesake_and_returns_none_when_that_fails(name, args):
    link = BoardLink(SPEC)
    link._handle = actor = Actor("result")
    result = asyncio.run(getattr(link, name)(*args))
    assert result == (None if name in ("report", "leave", "apply") else "result")
    assert actor.calls == [(name, *args)]
    actor.result = ConnectionError("gone")
    assert asyncio.run(getattr(link, name)(*args)) is None


def test_a_board_that_fails_is_looked_for_again_and_logged_once(monkeypatch, caplog):
    link, actors = BoardLink(SPEC), [Actor(ConnectionError("gone")), Actor(ConnectionError("gone")), Actor(b"found")]
    found = []

    def find():
        link._handle = link._handle or actors.pop(0)
        found.append(link._handle)
        return link._handle

    monkeypatch.setattr(link, "_board", find)
    results = [asyncio.run(link.artifact("1-ab")) for _ in range(4)]
    assert results == [None, None, b"found", b"found"]
    assert len({id(actor) for actor in found}) == 3
    messages = [record.message for record in caplog.records]
    assert messages == ["fleet board unreachable in artifact: ConnectionError('gone')", "fleet board reachable again"]


def test_without_ray_every_call_returns_none(monkeypatch):
    link = BoardLink(SPEC)

    def broken():
        raise RuntimeError("Ray is not running")

    monkeypatch.setattr(link, "_board", broken)
    assert asyncio.run(link.leave("r")) is None
    assert asyncio.run(link.scaling(1)) is None


def test_a_link_with_a_time_limit_waits_no_longer():
    link = BoardLink(SPEC, timeout_s=0.05)
    link._handle = Actor("never")
    assert asyncio.run(link.exchange_scaling([])) is None
    assert link._handle is None
