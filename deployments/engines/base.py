"""The interface between a replica and what runs the model; `cluster.engine_kinds` lists the classes."""

from __future__ import annotations

from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass
from importlib import import_module
from typing import Protocol

from cluster.spec import FleetSpec
from cluster.state import RankState
from deployments.wire.frames import EngineRequest, Frame, Opened
from deployments.wire.start_phases import Phase


@dataclass(frozen=True)
class EngineStats:
    """An engine's report on itself; fields as in `cluster.state.ReplicaState`."""

    as_of_s: float
    waiting: int = 0
    running: int = 0
    kv_usage_ratio: float = 0.0
    kv_capacity_tokens: int = 0
    preemptions_total: int = 0
    generated_tokens_total: int = 0
    max_context_tokens: int = 0


class Engine(Protocol):
    """Runs one model for one replica."""

    async def start(self) -> Mapping[Phase, float]:
        """Load the model and answer one warm-up request on every rank.

        Returns: seconds by phase, for the phases of this engine; their sum is about the duration of the call.

        Raises: the error that made the start fail.
        """

    def generate(self, request: EngineRequest) -> AsyncIterator[Frame]:
        """Answer a request: one Opened, any number of Chunks, one Closed.

        With `request.judged_tokens`, an engine that knows log-probabilities adds Progress frames for that many tokens,
        each no later than the bytes of its tokens. Without Progress frames the answer cannot be judged.

        A rejected request is an Opened with a 4xx status and one Chunk with an OpenAI-style error body. Closing the
        iterator early cancels the request and frees its KV cache.

        Raises:
            EngineDead: the engine died during the request.
        """

    def stats(self) -> EngineStats:
        """The newest report; cheap, never blocks."""

    def ranks(self) -> tuple[RankState, ...]:
        """The processes that hold the model."""

    async def check_health(self) -> None:
        """Check that the engine and all of its ranks can serve.

        Raises:
            EngineDead: they cannot.
        """

    async def stop(self) -> None:
        """End every process that the engine started."""


async def warm_up(engine: Engine, model: str) -> None:
    """Send one short request: the first one may compile, allocate, and connect ranks.

    Raises:
        RuntimeError: it was rejected.
    """
    body = {"model": model, "prompt": "warm up", "max_tokens": 4, "ignore_eos": True}
    async for frame in engine.generate(EngineRequest("completion", body, "warm-up")):
        if isinstance(frame, Opened) and frame.status != 200:
            raise RuntimeError(f"the warm-up request was rejected with status {frame.status}")


def make_engine(spec: FleetSpec, pool_name: str) -> Engine:
    """An engine of the pool's kind; not started."""
    module, name = spec.pools[pool_name].engine.traits.engine.split(":")
    factory: Callable[[FleetSpec, str], Engine] = getattr(import_module(module), name)
    return factory(spec, pool_name)
