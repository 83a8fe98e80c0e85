"""The remote engine: a pool that is another OpenAI-compatible endpoint (a server elsewhere, or a hosted API).

Bodies pass through with the remote's own model name; streams pass through as they come. What the remote says about
itself goes no further: its refusal of our key is our failure (502), not the client's.
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
"""Probes that fail in a row before the replica gives up and is replaced by one that waits for the remote."""


class RemoteEngine:
    """Asks another endpoint; see `deployments.engines.base.Engine`."""

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
        """Ask the remote whether it is there and takes the key; no tokens are bought for a warm-up.

        Raises:
            RuntimeError: it is not, or does not.
        """
        clock = StartClock()
        with clock.phase("probe"):
            if problem := await self._probe():
                raise RuntimeError(f"pool {self.pool_name}: {problem}")
        self.prober = asyncio.create_task(self._probe_forever())
        return clock.seconds

    async def _probe(self) -> str:
        """What is wrong with the remote, or nothing."""
        if self.health_path is None:
            return ""
        url = f"{self.client.base_url}{self.health_path.lstrip('/')}"
        try:
            answer = await self.client.get(self.health_path)
        except httpx.HTTPError as error:
            return f"{url} does not answer ({type(error).__name__}): check engine.options.base_url"
        if answer.status_code in (401, 403):
            return f"{url} refuses the key (status {answer.status_code}): check engine.options.api_key_env"
        if answer.status_code >= 400:
            return f"{url} answers with status {answer.status_code}: check engine.options.base_url and health_path"
        return ""

    async def _probe_forever(self) -> None:
        while True:
            await asyncio.sleep(PROBE_EVERY_S)
            self.failed_probes = self.failed_probes + 1 if await self._probe() else 0

    async def check_health(self) -> None:
        """Dead when several probes failed in a row: the replacement becomes ready when the remote is back."""
        if self.failed_probes >= FAILED_PROBES:
            raise EngineDead(f"{self.client.base_url} of pool {self.pool_name} has not answered its probes")

    async def stop(self) -> None:
        """Close the connections."""
        if self.prober is not None:
            self.prober.cancel()
        await self.client.aclose()

    def ranks(self) -> tuple[RankState, ...]:
        """No process here holds the model."""
        return ()

    def stats(self) -> EngineStats:
        """What is known from this side: the remote's KV cache is not."""
        return EngineStats(
            as_of_s=time.time(),
            waiting=self.waiting,
            running=self.running,
            generated_tokens_total=self.generated_tokens_total,
            max_context_tokens=self.max_context_tokens,
        )

    # -- serving ---------------------------------------------------------------------------------------------

    async def generate(self, request: EngineRequest) -> AsyncIterator[Frame]:
        """Pass a request on and its answer back."""
        if request.kind not in PATHS:
            message = f"Pool {self.pool_name} is a remote endpoint and cannot {request.kind}: name another model."
            for frame in _refusal(400, message):
                yield frame
            return
        self.waiting += 1
        try:
            await self.slots.acquire()
        finally:
            self.waiting -= 1
        self.running += 1
        try:
            async for frame in self._ask(request):
                yield frame
        finally:
            self.running -= 1
            self.slots.release()

    async def _ask(self, request: EngineRequest) -> AsyncIterator[Frame]:
        opened = False
        try:
            async with self.client.stream("POST", PATHS[request.kind], json=self._body(request.body)) as answer:
                if answer.status_code >= 400:
                    frames = _translated(answer.status_code, await answer.aread(), self.pool_name)
                elif request.body.get("stream"):
                    opened = True
                    yield Opened(200, streams=True)
                    async for frame in self._events(answer, request):
                        yield frame
                    return
                else:
                    frames = self._whole(await answer.aread())
            for frame in frames:
                yield frame
        except httpx.HTTPError as error:
            if opened:
                raise ConnectionError(f"the remote of pool {self.pool_name} broke a stream") from error
            late = isinstance(error, httpx.TimeoutException)
            said = "did not answer in time" if late else "cannot be reached"
            for frame in _refusal(504 if late else 502, f"The remote endpoint of pool {self.pool_name} {said}."):
                yield frame

    def _body(self, body: dict[str, Any]) -> dict[str, Any]:
        """The client's body with the remote's model name, and token counts asked for in streams."""
        kept = {name: value for name, value in body.items() if name not in self.dropped} | {"model": self.model}
        if kept.get("stream") and "stream_options" not in self.dropped:
            kept["stream_options"] = {**(kept.get("stream_options") or {}), "include_usage": True}
        return kept

    async def _events(self, answer: httpx.Response, request: EngineRequest) -> AsyncIterator[Frame]:
        """The remote's server-sent events as they came, except for the token counts that only we asked for."""
        wants_usage = bool((request.body.get("stream_options") or {}).get("include_usage"))
        usage, events = Usage(), 0
        async for line in answer.aiter_lines():
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
    """The key's header; the key comes from the environment or a mounted secret and stands in no spec.

    Raises:
        RuntimeError: the spec names a place that has no key.
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
    """The JSON object of a body or of an event's `data:` line; empty for anything else, such as `[DONE]`."""
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


def _refusal(status: int, message: str) -> list[Frame]:
    return [Opened(status), Chunk(error_body(status, message)), Closed(Usage(), None)]


def _translated(status: int, data: bytes, pool: str) -> list[Frame]:
    """The remote's error as ours: what the client did wrong stays its error, what concerns our account does not."""
    error = _parsed(data.decode(errors="replace")).get("error")
    said = str(error.get("message") if isinstance(error, dict) else error or "no message")[:500]
    if status in (401, 402, 403):
        return _refusal(502, f"The remote endpoint of pool {pool} does not accept this fleet's key.")
    if status == 429:
        return _refusal(429, f"The remote endpoint of pool {pool} takes no more requests now: {said}")
    if status >= 500:
        return _refusal(502, f"The remote endpoint of pool {pool} failed with status {status}.")
    return _refusal(status if status in (400, 404, 413, 422) else 400, said)
