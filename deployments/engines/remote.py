"""The remote engine: a pool behind another OpenAI-compatible endpoint (a server elsewhere, or a hosted API).

Bodies pass through with the remote's model name, and streams pass through unchanged. Errors about our account do not
reach the client as they are: if the remote rejects our key, that is our failure (502), not the client's.
"""

from __future__ import annotations

import asyncio
import json
import os
import time
from collections.abc import AsyncIterator, Mapping
from pathlib import Path
from typing import Any

import httpx

from cluster.spec import FleetSpec
from cluster.state import RankState
from cluster.usage import Usage
from deployments.engines.base import EngineStats
from deployments.wire.errors import EngineDead, error_body
from deployments.wire.frames import Chunk, Closed, EngineRequest, Frame, Opened
from deployments.wire.start_phases import Phase, StartClock

PATHS = {"chat": "/chat/completions", "completion": "/completions"}
PROBE_EVERY_S = 10.0
FAILED_PROBES = 3
"""Consecutive failed probes until the replica is replaced by one that waits for the remote."""


class RemoteEngine:
    """Forwards requests to another endpoint; see `deployments.engines.base.Engine`."""

    def __init__(self, spec: FleetSpec, pool_name: str) -> None:
        pool = spec.pools[pool_name]
        options: dict[str, Any] = pool.engine.options
        self.pool_name = pool_name
        self.model: str = options.get("model", pool.model)
        self.dropped: tuple[str, ...] = tuple(options.get("drop_fields", ()))
        self.health_path: str | None = options.get("health_path", "/models")
        self.max_context_tokens = int(options.get("max_model_len", 0))
        self.slots = asyncio.Semaphore(int(options.get("max_concurrency", 64)))
        self.client = httpx.AsyncClient(
            base_url=str(options["base_url"]).rstrip("/"),
            headers={**options.get("headers", {}), **_authorization(options)},
            timeout=httpx.Timeout(float(options.get("read_timeout_s", 120)), connect=5.0, pool=None),
            limits=httpx.Limits(max_connections=None, max_keepalive_connections=64),
        )
        self.waiting = self.running = self.generated_tokens_total = self.failed_probes = 0
        self.prober: asyncio.Task[None] | None = None

    # -- life ------------------------------------------------------------------------------------------------

    async def start(self) -> Mapping[Phase, float]:
        """Probe whether the remote is reachable and accepts the key. No warm-up request is sent, because tokens cost.

        Raises:
            RuntimeError: it is unreachable, or rejects the key.
        """
        clock = StartClock()
        with clock.phase("probe"):
            if problem := await self._probe():
                raise RuntimeError(f"pool {self.pool_name}: {problem}")
        self.prober = asyncio.create_task(self._probe_forever())
        return clock.seconds

    async def _probe(self) -> str:
        """The remote's problem; empty if there is none."""
        if self.health_path is None:
            return ""
        url = f"{self.client.base_url}{self.health_path.lstrip('/')}"
        try:
            response = await self.client.get(self.health_path)
        except httpx.HTTPError as error:
            return f"{url} does not respond ({type(error).__name__}), check engine.options.base_url"
        if response.status_code in (401, 403):
            return f"{url} rejects the key (status {response.status_code}), check engine.options.api_key_env"
        if response.status_code >= 400:
            return f"{url} returns status {response.status_code}, check engine.options.base_url and health_path"
        return ""

    async def _probe_forever(self) -> None:
        while True:
            await asyncio.sleep(PROBE_EVERY_S)
            self.failed_probes = self.failed_probes + 1 if await self._probe() else 0

    async def check_health(self) -> None:
        """Fail after several failed probes in a row. The replacement becomes ready when the remote is back."""
        if self.failed_probes >= FAILED_PROBES:
            raise EngineDead(f"{self.client.base_url} of pool {self.pool_name} does not respond to probes")

    async def stop(self) -> None:
        """Close the connections."""
        if self.prober is not None:
            self.prober.cancel()
        await self.client.aclose()

    def ranks(self) -> tuple[RankState, ...]:
        """Empty: no local process holds the model."""
        return ()

    def stats(self) -> EngineStats:
        """The local numbers. The remote's KV cache is unknown."""
        return EngineStats(
            as_of_s=time.time(),
            waiting=self.waiting,
            running=self.running,
            generated_tokens_total=self.generated_tokens_total,
            max_context_tokens=self.max_context_tokens,
        )

    # -- serving ---------------------------------------------------------------------------------------------

    async def generate(self, request: EngineRequest) -> AsyncIterator[Frame]:
        """Forward a request and return its answer."""
        if request.kind not in PATHS:
            message = f"Pool {self.pool_name} is a remote endpoint and cannot {request.kind}, use another model."
            for frame in _rejection(400, message):
                yield frame
            return
        self.waiting += 1
        try:
            await self.slots.acquire()
        finally:
            self.waiting -= 1
        self.running += 1
        try:
            async for frame in self._forward(request):
                yield frame
        finally:
            self.running -= 1
            self.slots.release()

    async def _forward(self, request: EngineRequest) -> AsyncIterator[Frame]:
        opened = False
        try:
            async with self.client.stream("POST", PATHS[request.kind], json=self._body(request.body)) as response:
                if response.status_code >= 400:
                    frames = _translated(response.status_code, await response.aread(), self.pool_name)
                elif request.body.get("stream"):
                    opened = True
                    yield Opened(200, streams=True)
                    async for frame in self._events(response, request):
                        yield frame
                    return
                else:
                    frames = self._whole(await response.aread())
            for frame in frames:
                yield frame
        except httpx.HTTPError as error:
            if opened:
                raise ConnectionError(f"the remote of pool {self.pool_name} broke a stream") from error
            timed_out = isinstance(error, httpx.TimeoutException)
            problem = "did not respond in time" if timed_out else "is unreachable"
            message = f"The remote endpoint of pool {self.pool_name} {problem}."
            for frame in _rejection(504 if timed_out else 502, message):
                yield frame

    def _body(self, body: dict[str, Any]) -> dict[str, Any]:
        """The client's body with the remote's model name, and with token counts requested for streams."""
        kept = {name: value for name, value in body.items() if name not in self.dropped} | {"model": self.model}
        if kept.get("stream") and "stream_options" not in self.dropped:
            kept["stream_options"] = {**(kept.get("stream_options") or {}), "include_usage": True}
        return kept

    async def _events(self, response: httpx.Response, request: EngineRequest) -> AsyncIterator[Frame]:
        """The remote's server-sent events, without the token counts that only we requested."""
        wants_usage = bool((request.body.get("stream_options") or {}).get("include_usage"))
        usage, events = Usage(), 0
        async for line in response.aiter_lines():
            if not line.startswith("data:"):
                continue  # blank lines between events, comments that keep the connection open
            event = _parsed(line)
            if counts := event.get("usage"):
                usage = _usage(counts)
                if not event.get("choices") and not wants_usage:
                    continue
            events += bool(event.get("choices"))
            yield Chunk(f"{line}\n\n".encode())
        self.generated_tokens_total += usage.completion_tokens or events
        yield Closed(usage if usage.completion_tokens else Usage(completion_tokens=events), None)

    def _whole(self, data: bytes) -> list[Frame]:
        usage = _usage(_parsed(data.decode(errors="replace")).get("usage") or {})
        self.generated_tokens_total += usage.completion_tokens
        return [Opened(200), Chunk(data), Closed(usage, None)]


def _authorization(options: dict[str, Any]) -> dict[str, str]:
    """The header with the key, which comes from the environment or a mounted secret, never from the spec.

    Raises:
        RuntimeError: the place that the spec names has no key.
    """
    if name := options.get("api_key_env"):
        if not (key := os.environ.get(name, "")):
            raise RuntimeError(f"engine.options.api_key_env: the environment has no {name}")
    elif path := options.get("api_key_file"):
        if not Path(path).is_file() or not (key := Path(path).read_text().strip()):
            raise RuntimeError(f"engine.options.api_key_file: {path} has no key")
    else:
        return {}
    return {"authorization": f"Bearer {key}"}


def _parsed(text: str) -> dict[str, Any]:
    """The JSON object in a body or in an event's `data:` line; empty for anything else, such as `[DONE]`."""
    try:
        value = json.loads(text.removeprefix("data:"))
    except ValueError:
        return {}
    return value if isinstance(value, dict) else {}


def _usage(counts: dict[str, Any]) -> Usage:
    details = counts.get("prompt_tokens_details") or {}
    return Usage(
        int(counts.get("prompt_tokens") or 0),
        int(counts.get("completion_tokens") or 0),
        int(details.get("cached_tokens") or 0),
    )


def _rejection(status: int, message: str) -> list[Frame]:
    return [Opened(status), Chunk(error_body(status, message)), Closed(Usage(), None)]


def _translated(status: int, data: bytes, pool: str) -> list[Frame]:
    """The client's response for a remote error: client errors stay client errors, errors of our account become 502."""
    error = _parsed(data.decode(errors="replace")).get("error")
    detail = str(error.get("message") if isinstance(error, dict) else error or "no message")[:500]
    if status in (401, 402, 403):
        return _rejection(502, f"The remote endpoint of pool {pool} rejects this fleet's key.")
    if status == 429:
        return _rejection(429, f"The remote endpoint of pool {pool} is at its rate limit: {detail}")
    if status >= 500:
        return _rejection(502, f"The remote endpoint of pool {pool} failed with status {status}.")
    return _rejection(status if status in (400, 404, 413, 422) else 400, detail)
