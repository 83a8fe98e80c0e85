"""A real gateway on a port of its own, without Ray: scripted pools, a board in this process, reports as a test says."""

from __future__ import annotations

import json
import threading
import time
from contextlib import contextmanager
from dataclasses import dataclass, field, replace

import fake_pools as fakes
import uvicorn
from fake_board import FakeBoard

from cluster.spec import FleetSpec
from cluster.state import ReplicaState
from deployments.board.records import Decided
from deployments.dev.fleet import PRICES, SPEC
from deployments.gateway import gateway as module
from deployments.gateway.door import Door
from deployments.wire.frames import Chunk, Closed, Opened


def streaming(text):
    """The frames of a streamed answer, a word at a time."""
    events = [{"choices": [{"delta": {"content": word}}]} for word in text.split(" ")]
    events += [{"choices": [], "usage": fakes.USAGE.as_openai()}, "[DONE]"]
    lines = [b"data: " + (e if isinstance(e, str) else json.dumps(e)).encode() + b"\n\n" for e in events]
    return [Opened(200, streams=True), *map(Chunk, lines), Closed(fakes.USAGE, "stop")]


@dataclass
class TalkingBoard(FakeBoard):
    """Gets a report of every replica of `replicas` before each call."""

    folder: object
    spec: FleetSpec | None = None
    replicas: dict[str, ReplicaState] = field(default_factory=dict)
    age_s: float = 0.0
    """Age of their reports. It stays the same, so that a slow browser sees it too."""

    def __post_init__(self) -> None:
        super().__init__(self.folder, self.spec)
        self.listened()

    async def _call(self, method, *args):
        for state in list(self.replicas.values()):
            self.board.report(replace(state, as_of_s=time.time() - self.age_s))
        return await super()._call(method, *args)

    def decide(self, pool, target, desired, reason):
        """A scaling decision of now."""
        signals = {"held": 0.0, "cold_start_s": 0.0}
        self.board._scaling.decided([Decided(pool, time.time(), target, desired, target, reason, signals)])


@contextmanager
def running(monkeypatch, folder, answer="twelve", routing=None, **gateway):
    """Url and board of a gateway with one ready replica in each pool; ends with the block."""
    spec = FleetSpec.model_validate({**SPEC, "gateway": gateway, "routing": SPEC.get("routing", {}) | (routing or {})})
    board = TalkingBoard(folder, spec)
    board.replicas = {pool: ReplicaState(pool, f"{pool}-1", "node", time.time()) for pool in PRICES}
    monkeypatch.setattr(module, "GatewayMetrics", fakes.SilentMetrics)
    door = Door({name: fakes.FakePool(streaming(answer)) for name in spec.pools}, board)

    async def app(scope, receive, send):
        if scope["type"] == "lifespan":
            await door.apply(spec)
        await door(scope, receive, send)

    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning", ws="none"))
    thread = threading.Thread(target=server.run)
    thread.start()
    while not server.started:
        assert thread.is_alive()
        time.sleep(0.02)
    try:
        yield f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}", board
    finally:
        server.should_exit = True
        thread.join()
