"""Pools without Ray, for gateway tests: scripts of frames and failures."""

from __future__ import annotations

import json
from contextlib import asynccontextmanager

import httpx

from cluster.spec import FleetSpec
from cluster.usage import Usage
from deployments.wire.frames import Chunk, Closed, Opened

SPEC = FleetSpec.model_validate(
    {
        "pools": {
            tier: {"tier": tier, "model": f"org/{tier}", "engine": {"kind": "simulated"}}
            for tier in ("small", "moe", "large")
        },
        "gateway": {"max_body_bytes": 10_000, "first_token_timeout_s": 0.3, "request_timeout_s": 1.0},
    }
)
USAGE = Usage(prompt_tokens=3, completion_tokens=2)


def answer(text):
    """The frames of a whole answer."""
    choice = {"message": {"role": "assistant", "content": text}}
    body = json.dumps({"choices": [choice], "usage": USAGE.as_openai()}).encode()
    return [Opened(200), Chunk(body), Closed(USAGE, "stop")]


WHOLE = answer("twelve")
ANSWER = WHOLE[1].data
STREAM = (Opened(200, streams=True), Chunk(b"data: a\n\n"), Chunk(b"data: b\n\n"), Closed(USAGE, "stop"))


class FakePool:
    """Plays one script per request, the last one for ever; an exception in a script is raised there."""

    def __init__(self, *scripts) -> None:
        self.scripts = list(scripts) or [WHOLE]
        self.requests = []
        self.closed = 0

    @asynccontextmanager
    async def frames(self, request):
        """As PoolClient.frames."""
        self.requests.append(request)
        script = self.scripts.pop(0) if len(self.scripts) > 1 else self.scripts[0]
        try:
            yield self._play(script)
        finally:
            self.closed += 1

    async def _play(self, script):
        for step in script:
            if isinstance(step, Exception):
                raise step
            if callable(step):
                await step()
            else:
                yield step


class SilentMetrics:
    """Counts calls by metric and tags."""

    def __init__(self):
        self.seen = []

    def __getattr__(self, name):
        recorder = type("Recorder", (), {})()
        recorder.inc = lambda value=1, tags=None: self.seen.append((name, value, tags))
        recorder.set = lambda value, tags=None: self.seen.append((name, value, tags))
        recorder.observe = lambda value, tags=None: self.seen.append((name, value, tags))
        return recorder


def client(gateway) -> httpx.AsyncClient:
    """HTTP straight into the gateway's ASGI callable."""
    return httpx.AsyncClient(transport=httpx.ASGITransport(app=gateway), base_url="http://gateway")


def chat(content="What is 7 + 5?", **body):
    """A chat body."""
    return {"model": "small", "messages": [{"role": "user", "content": content}], **body}
