"""A fleet board and pools in this process, with the interfaces of those that Ray runs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import partial
from typing import Any

from cluster.spec import FleetSpec
from cluster.state import ReplicaState
from deployments.board.board import FleetBoard
from deployments.board.link import BoardLink
from deployments.engines.base import Engine, make_engine
from deployments.gateway.pool_client import PoolClient
from deployments.wire.frames import EngineRequest, Frame

START_S = 6.0
"""Seconds that a replica's start takes, as its report shows them."""


class InProcessBoard(BoardLink):
    """A link to a fleet board in this process."""

    def __init__(self, spec: FleetSpec) -> None:
        super().__init__(spec)
        self.board = FleetBoard(self._folder)

    def _board(self) -> Any:
        """The board, as if it were an actor."""
        return _LooksRemote(self.board)


class _LooksRemote:
    """Gives every method of an object the `remote` of an actor's method."""

    def __init__(self, target: object) -> None:
        self._target = target

    def __getattr__(self, name: str) -> Any:
        method = getattr(self._target, name)

        async def remote(*args: Any) -> Any:
            return method(*args)

        return type("Method", (), {"remote": staticmethod(remote)})


class InProcessPool(PoolClient):
    """A pool whose replicas are engines in this process."""

    def __init__(self, spec: FleetSpec, name: str) -> None:
        self.name = name
        self.engines: list[Engine] = []
        self._new = partial(make_engine, spec, name)
        self.resize(1)

    def resize(self, replicas: int) -> None:
        """Add idle engines, or take some away; their requests still end."""
        self.engines = self.engines[:replicas] + [self._new() for _ in range(replicas - len(self.engines))]

    @asynccontextmanager
    async def frames(self, request: EngineRequest) -> AsyncIterator[AsyncIterator[Frame]]:
        """The frames of the engine with the fewest ongoing requests."""
        frames = min(self.engines, key=_ongoing).generate(request)
        try:
            yield frames
        finally:
            await frames.aclose()  # type: ignore[attr-defined]

    def reports(self) -> list[ReplicaState]:
        """What each replica would report now."""
        return [
            ReplicaState(self.name, f"{self.name}-{number}", "dev", start_s=START_S, **vars(engine.stats()))
            for number, engine in enumerate(self.engines)
        ]


def _ongoing(engine: Engine) -> int:
    stats = engine.stats()
    return stats.waiting + stats.running
