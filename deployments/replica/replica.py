"""One replica of a pool: an engine, its reports to the fleet board, its health."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import AsyncIterator, Mapping
from dataclasses import replace
from typing import Any

import ray
from ray import serve

from cluster.spec import FleetSpec
from cluster.state import ReplicaState
from deployments import serve_logs
from deployments.board.link import BoardLink
from deployments.board.periods import REPORT_EVERY_S
from deployments.caches import require_cache
from deployments.engines.base import make_engine
from deployments.replica.engine_export import EngineExport
from deployments.replica.start_pauses import StartPauses
from deployments.wire.errors import EngineDead, StartFailed
from deployments.wire.frames import MAX_CHUNK_BYTES, Chunk, EngineRequest, Frame, in_parts
from deployments.wire.start_phases import Phase, StartClock, in_order

STOP_TIMEOUT_S = 10.0
"""How long a dead engine may take to stop before its process ends."""

log = logging.getLogger("signalbox.replica")


class PoolReplica:
    """The Serve deployment behind each pool. Its construction ends when its engine has answered a warm-up request."""

    async def __init__(self, spec: dict[str, Any], pool: str) -> None:  # type: ignore[misc]  # Serve awaits it
        fleet = FleetSpec.model_validate(spec)
        serve_logs.start_logging(fleet.log_level, pool)
        pauses = StartPauses(fleet.name, pool)
        await pauses.wait()
        began, clock = time.perf_counter(), StartClock()
        self.pool = pool
        self.replica_id = serve.get_replica_context().replica_id.unique_id
        self.node_id = ray.get_runtime_context().get_node_id()
        self.board = BoardLink(fleet)
        self.exported = EngineExport(pool, self.replica_id)
        self.dying: asyncio.Task[None] | None = None
        try:
            phases_s = await self._start_engine(fleet, clock)
        except Exception as error:
            pauses.failed()
            log.exception("%s did not start", pool)
            raise StartFailed(_reason(error, fleet.pools[pool].engine.start_timeout_s)) from None
        pauses.succeeded()
        self.start_s = time.perf_counter() - began
        self.start_phases_s = in_order(phases_s)
        phases = ", ".join(f"{name} {seconds:.1f} s" for name, seconds in self.start_phases_s)
        log.info("%s is ready after %.1f s (%s)", pool, self.start_s, phases)
        self.reporter = asyncio.create_task(self._report_forever())

    def reconfigure(self, user_config: dict[str, Any]) -> None:
        """Take over what changes in place; called by Serve."""
        serve_logs.start_logging(user_config["log_level"], self.pool)

    async def _start_engine(self, fleet: FleetSpec, clock: StartClock) -> Mapping[Phase, float]:
        """Make and start the engine. Returns the seconds of each phase."""
        require_cache(fleet)
        with serve_logs.kept_open():
            with clock.phase("import"):
                self.engine = make_engine(fleet, self.pool)
            async with asyncio.timeout(fleet.pools[self.pool].engine.start_timeout_s):
                return {**clock.seconds, **await self.engine.start()}

    async def generate(self, request: EngineRequest) -> AsyncIterator[Frame]:
        """The engine's frames. Ending the iteration early cancels the request in the engine."""
        frames = self.engine.generate(request)
        try:
            async for frame in frames:
                if isinstance(frame, Chunk) and len(frame.data) > MAX_CHUNK_BYTES:
                    for part in in_parts(frame):
                        yield part
                else:
                    yield frame
        except EngineDead:
            self._replace_me()
            raise
        finally:
            await frames.aclose()  # type: ignore[attr-defined]

    def state(self) -> ReplicaState:
        """This replica's report."""
        stats = self.engine.stats()
        ranks = tuple(replace(rank, node_id=rank.node_id or self.node_id) for rank in self.engine.ranks())
        return ReplicaState(
            pool=self.pool,
            replica_id=self.replica_id,
            node_id=self.node_id,
            start_s=self.start_s,
            start_phases_s=self.start_phases_s,
            ranks=ranks,
            **vars(stats),
        )

    async def _report_forever(self) -> None:
        while True:
            try:
                state = self.state()
                self.exported.set(state)
                await self.board.report(state)
            except Exception:  # a replica that stops reporting would serve, but count as gone
                log.exception("no report of %s; trying again", self.replica_id)
            await asyncio.sleep(REPORT_EVERY_S)

    async def check_health(self) -> None:
        """Check the engine and its ranks; called by Serve.

        Raises:
            EngineDead: they cannot serve.
        """
        try:
            await self.engine.check_health()
        except EngineDead:
            self._replace_me()
            raise

    def _replace_me(self) -> None:
        """End this process: Serve then starts another at once, and not after several failed probes."""
        if self.dying is None:
            self.dying = asyncio.create_task(self._die())

    async def _die(self) -> None:
        log.error("engine of %s is dead; ending the replica to have it replaced", self.replica_id)
        self.reporter.cancel()
        await self.board.leave(self.replica_id)
        try:
            await asyncio.wait_for(self.engine.stop(), STOP_TIMEOUT_S)
        except Exception as error:
            log.warning("cannot stop the dead engine cleanly: %s", error)
        os._exit(1)

    async def __del__(self) -> None:
        """Serve calls this when it stops the replica."""
        if hasattr(self, "reporter"):
            self.reporter.cancel()
            await self.board.leave(self.replica_id)
        if hasattr(self, "engine"):
            await self.engine.stop()


def _reason(error: Exception, timeout_s: float) -> str:
    """Why a start failed, and where its log is."""
    if isinstance(error, TimeoutError) and not str(error):
        why = f"did not start within {timeout_s:.0f} s (engine.start_timeout_s)"
    else:
        why = f"{type(error).__name__}: {error}" if str(error) else type(error).__name__
    path = serve_logs.log_file()
    address: Any = ray.util.get_node_ip_address  # untyped
    return f"{why}\nlog: {path} on {address()}" if path else why
