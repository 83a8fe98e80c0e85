"""The gateway's client of a pool: a Serve handle that reduces Ray's many errors to two."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

from grpc import RpcError, StatusCode
from ray.exceptions import RayError
from ray.serve.exceptions import BackPressureError, DeploymentUnavailableError, RayServeException
from ray.serve.handle import DeploymentHandle

from deployments.gateway.errors import HttpError
from deployments.wire.errors import EngineDead
from deployments.wire.frames import EngineRequest, Frame

REPLICA_FAILURES = (RayError, RayServeException, DeploymentUnavailableError, EngineDead, RpcError, ConnectionError)
"""Errors that a handle raises if a replica or its engine is gone."""


class PoolFailed(Exception):
    """The replica failed during the request. Another one may answer if no byte was sent."""


class PoolBusy(Exception):
    """The pool accepts no more requests now."""


class PoolClient:
    """Sends requests to one pool."""

    def __init__(self, name: str, handle: DeploymentHandle[Any]) -> None:
        self.name = name
        # Plain pickle: frames and requests are importable dataclasses on both sides.
        self._handle = handle.options(
            stream=True,
            method_name="generate",
            request_serialization="pickle",
            response_serialization="pickle",
        )

    @asynccontextmanager
    async def frames(self, request: EngineRequest) -> AsyncIterator[AsyncIterator[Frame]]:
        """Yield the replica's frames. Leaving the block cancels an unfinished request.

        Raises (while iterating):
            PoolFailed: the replica or its engine died, or the pool is being torn down.
            PoolBusy: every replica's queue is full.
            HttpError: the request does not fit into one of Ray's messages, at no replica.
        """
        stream: Any = self._handle.remote(request)
        try:
            yield self._translated(stream)
        finally:
            with suppress(Exception):
                stream.cancel()

    async def _translated(self, stream: Any) -> AsyncIterator[Frame]:
        try:
            async for frame in stream:
                yield frame
        except BackPressureError as error:
            raise PoolBusy(f"pool {self.name} is full") from error
        except REPLICA_FAILURES as error:
            if isinstance(error, RpcError) and error.code() == StatusCode.RESOURCE_EXHAUSTED:
                message = f"The request or its answer is too large for pool {self.name}; ask for less at a time."
                raise HttpError(500, message, code="message_too_large") from error
            raise PoolFailed(f"a replica of pool {self.name} failed: {type(error).__name__}") from error
