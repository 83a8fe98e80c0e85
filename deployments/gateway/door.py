"""The ASGI app of a gateway replica: hands requests to the gateway of the applied spec, and replaces that gateway."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping

from starlette.types import Receive, Scope, Send

from cluster.spec import FleetSpec
from deployments.board.link import BoardLink
from deployments.board.periods import EXCHANGE_EVERY_S
from deployments.gateway.gateway import Gateway
from deployments.gateway.pool_client import PoolClient
from deployments.running_spec import needs_restart
from router.confidence.artifact import ConfidenceError
from router.loading import BadQualityModel

log = logging.getLogger("signalbox.gateway")


class Door:
    """Applies specs to one gateway replica. The first spec comes before the first request."""

    def __init__(self, pools: Mapping[str, PoolClient], board: BoardLink | None = None) -> None:
        self._pools = pools
        self._board = board
        self._gateway: Gateway | None = None

    @property
    def gateway(self) -> Gateway:
        """The gateway of the applied spec."""
        assert self._gateway is not None  # Serve applies a spec before it sends requests
        return self._gateway

    async def apply(self, spec: FleetSpec) -> None:
        """Answer new requests by a spec; requests that have begun end as they began.

        A later spec that cannot be used changes nothing; `GET /v1/fleet` says why.

        Raises:
            BadQualityModel, ConfidenceError: a file that the first spec names cannot be used.
        """
        if self._gateway is None:
            self._gateway = Gateway(spec, self._pools, self._board)
            return
        if spec == self._gateway.spec:
            self.refuse(None)
        elif needs_restart(spec) != needs_restart(self._gateway.spec):
            self.refuse("other models, engines or hardware need new processes: deploy the spec")
        else:
            try:
                # A thread, because it reads files while streams go on.
                self._gateway = await asyncio.to_thread(Gateway, spec, self._pools, before=self._gateway)
            except (BadQualityModel, ConfidenceError) as error:
                self.refuse(str(error))
            else:
                log.warning("the gateway follows spec %s", self._gateway.applied.version)

    def refuse(self, problem: str | None) -> None:
        """Say why the newest spec is not followed; None if it is."""
        self.gateway.applied.problem = problem
        if problem:
            log.error("a spec was refused, the one before stays: %s", problem)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer an HTTP request, or follow the life of the process."""
        if scope["type"] == "lifespan":
            await self._lifespan(receive, send)
        elif scope["type"] == "http":
            await self.gateway(scope, receive, send)

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        await receive()
        syncing = asyncio.create_task(self.sync_forever())
        await send({"type": "lifespan.startup.complete"})
        await receive()
        syncing.cancel()
        await send({"type": "lifespan.shutdown.complete"})

    async def sync_forever(self) -> None:
        """Keep the gateway in step with the fleet board until cancelled."""
        while True:
            try:
                if self._gateway is not None:
                    await self._gateway.sync.exchange()
            except Exception:
                log.exception("the exchange with the fleet board failed; trying again")
            await asyncio.sleep(EXCHANGE_EVERY_S)
