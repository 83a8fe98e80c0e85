"""One HTTP exchange over raw ASGI: reads bodies within limits, sends JSON or a stream, and notices disconnects."""

from __future__ import annotations

import asyncio
import json
import math
import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

from starlette.datastructures import Headers, QueryParams
from starlette.types import Message, Receive, Scope, Send

from deployments.gateway.errors import HttpError

JSON_TYPE = "application/json"
STREAM_TYPE = "text/event-stream; charset=utf-8"


class Copy:
    """A bounded copy of an answer; `whole` is False if the answer is too long."""

    def __init__(self, max_bytes: int) -> None:
        self.data = bytearray()
        self.whole = True
        self._max_bytes = max_bytes

    def add(self, data: bytes) -> None:
        """Keep more bytes if they fit."""
        self.whole = self.whole and len(self.data) + len(data) <= self._max_bytes
        if self.whole:
            self.data += data


class Exchange:
    """A request and its response."""

    def __init__(self, scope: Scope, receive: Receive, send: Send) -> None:
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self.headers = Headers(scope=scope)
        self.query = QueryParams(scope.get("query_string", b""))
        # Serve's proxy generates an id if the client sends none, and repeats it in the response.
        self.request_id = (self.headers.get("x-request-id") or uuid.uuid4().hex)[:100]
        self.response_headers: dict[str, str] = {}
        self.client: str | None = None
        """The API key's name in the spec; None if no key is needed."""
        self.pool = ""
        """The pool that was asked last; empty if none was."""
        self.started = False
        self.complete = False
        """Whether the last byte of the response was sent."""
        self.disconnected = False
        self.status = 0
        self.error: HttpError | None = None
        """The error that the client received instead of an answer, or at the end of a broken stream."""
        self.copy: Copy | None = None
        """Collects what the client receives, if set before the answer begins."""
        self._receive = receive
        self._send = send

    # -- in --------------------------------------------------------------------------------------------------

    async def read_json(self, max_bytes: int) -> dict[str, Any]:
        """Return the body as a JSON object.

        Raises:
            HttpError: 413 above `max_bytes`, 400 for anything that is not a JSON object.
        """
        raw = await self.read_bytes(max_bytes)
        try:
            body = json.loads(raw, parse_constant=_refuse_constant)
        except (ValueError, RecursionError) as error:
            raise HttpError(400, f"The body is not valid JSON: {_short(error)}", code="invalid_json") from error
        if not isinstance(body, dict):
            raise HttpError(400, 'The body is not a JSON object: use one like {"model": "auto", ...}.')
        return body

    async def read_bytes(self, max_bytes: int) -> bytes:
        """Return the raw body.

        Raises:
            HttpError: 413 above `max_bytes`.
        """
        parts: list[bytes] = []
        size = 0
        while True:
            message = await self._receive()
            if message["type"] == "http.disconnect":
                self.disconnected = True
                raise asyncio.CancelledError
            size += len(message.get("body", b""))
            if size > max_bytes:
                raise HttpError(
                    413,
                    f"The body is larger than {max_bytes} bytes: send a smaller one.",
                    code="body_too_large",
                )
            parts.append(message.get("body", b""))
            if not message.get("more_body"):
                return b"".join(parts)

    def query_number(self, name: str, default: float) -> float:
        """Return a number from the query string.

        Raises:
            HttpError: 400 for anything but a finite number.
        """
        text = self.query.get(name, str(default))
        try:
            number = float(text)
        except ValueError:
            number = math.nan
        if not math.isfinite(number):
            raise HttpError(400, f"{name} is '{text[:100]}': use a number.", param=name)
        return number

    @asynccontextmanager
    async def cancelled_by_disconnect(self) -> AsyncIterator[None]:
        """Cancel the block's task as soon as the client disconnects."""
        task = asyncio.current_task()
        assert task is not None

        async def watch() -> None:
            message: Message = {"type": ""}
            while message["type"] != "http.disconnect":
                message = await self._receive()
            # Servers also send this after the last byte. Then it is not a disconnect, and the accounts are closed.
            if not self.complete:
                self.disconnected = True
                task.cancel()

        watcher = asyncio.create_task(watch())
        try:
            yield
        finally:
            watcher.cancel()

    @asynccontextmanager
    async def within(self, limit_s: float) -> AsyncIterator[None]:
        """Cancel the block's task as soon as the client disconnects.

        Raises:
            TimeoutError: the block took longer than `limit_s`.
        """
        async with asyncio.timeout(limit_s), self.cancelled_by_disconnect():
            yield

    # -- out -------------------------------------------------------------------------------------------------

    async def start(self, status: int, content_type: str, length: int | None = None) -> None:
        """Send status and headers."""
        self.started = True
        self.status = status
        headers = {"content-type": content_type, **self.response_headers}
        if length is not None:
            headers["content-length"] = str(length)
        raw = [(name.encode("latin-1"), _header_value(value)) for name, value in headers.items()]
        await self._send({"type": "http.response.start", "status": status, "headers": raw})

    async def write(self, data: bytes, *, more: bool = True) -> None:
        """Send bytes of the body."""
        if self.copy is not None:
            self.copy.add(data)
        self.complete = not more
        await self._send({"type": "http.response.body", "body": data, "more_body": more})

    async def reply(self, status: int, body: bytes, content_type: str = JSON_TYPE) -> None:
        """Send a whole response."""
        await self.start(status, content_type, len(body))
        await self.write(body, more=False)

    async def reply_json(self, content: Mapping[str, Any], status: int = 200) -> None:
        """Send a whole JSON response."""
        await self.reply(status, json.dumps(content).encode())


def _header_value(value: str) -> bytes:
    """Return a header value as one line of printable ASCII."""
    return "".join(c if " " <= c <= "~" else "?" for c in value)[:1000].encode("ascii")


def _refuse_constant(name: str) -> None:
    raise ValueError(f"{name} is not a JSON number")


def _short(error: Exception) -> str:
    return "nested too deeply" if isinstance(error, RecursionError) else str(error)[:200]
