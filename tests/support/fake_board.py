"""A fleet board in this process instead of an actor, and HTTP into one handler."""

from __future__ import annotations

import asyncio

import httpx

from deployments.board.board import FleetBoard
from deployments.gateway.errors import HttpError
from deployments.gateway.exchange import Exchange


class FakeBoard:
    """As BoardLink; `away` plays a board that cannot be reached."""

    def __init__(self, folder) -> None:
        self.board = FleetBoard(folder)
        self.away = False

    async def call(self, method, *args):
        """As BoardLink.call."""
        if self.away:
            return None
        try:
            return getattr(self.board, method)(*args)
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
