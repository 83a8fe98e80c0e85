"""A fleet board in this process instead of an actor, and HTTP into one handler."""

from __future__ import annotations

import asyncio
import copy

import httpx

from deployments.board.board import FleetBoard
from deployments.board.link import BoardLink
from deployments.gateway.errors import HttpError
from deployments.gateway.exchange import Exchange


class FakeBoard(BoardLink):
    """A link to a board in this process. `away` plays a board that is unreachable."""

    def __init__(self, folder, spec=None) -> None:
        self.folder = folder
        self.spec = spec
        self.away = False
        self.calls = []
        """Names of the methods that were called."""
        self.restart()

    def restart(self) -> None:
        """Replace the board by a new one, which gives no snapshot yet."""
        self.board = FleetBoard(self.folder)
        if self.spec:
            self.board.apply(self.spec)

    def listened(self) -> None:
        """The board is as old as it must be to give snapshots."""
        self.board._started_s = 0.0

    async def _call(self, method, *args):
        self.calls.append(method.__name__)
        if self.away:
            return None
        # Over the wire everything is a copy.
        try:
            return copy.deepcopy(method(self.board, *copy.deepcopy(args)))
        except Exception:
            return None


def send(handler, method="POST", **kwargs) -> httpx.Response:
    """What a handler of an Exchange answers."""

    async def app(scope, receive, send):
        exchange = Exchange(scope, receive, send)
        try:
            await handler(exchange)
        except HttpError as error:
            await exchange.reply(error.status, error.body)

    async def run():
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://gateway") as http:
            return await http.request(method, "/", **kwargs)

    return asyncio.run(run())
