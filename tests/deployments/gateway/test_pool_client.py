"""What becomes of Ray's failures on a request's way to a pool."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from typing import Any, Self

import pytest
from grpc import StatusCode
from grpc.aio import AioRpcError, Metadata
from ray.exceptions import ActorUnavailableError
from ray.serve.exceptions import BackPressureError

from deployments.gateway.errors import HttpError
from deployments.gateway.pool_client import PoolBusy, PoolClient, PoolFailed
from deployments.wire.frames import EngineRequest, Frame, Opened


class FailingHandle:
    """A Serve handle whose stream fails after one frame."""

    def __init__(self, error: Exception) -> None:
        self.error = error
        self.cancelled = 0

    def options(self, **kwargs: Any) -> Self:
        """As DeploymentHandle.options."""
        return self

    def remote(self, request: EngineRequest) -> Self:
        """As DeploymentHandle.remote."""
        return self

    async def __aiter__(self) -> AsyncIterator[Frame]:
        yield Opened(200)
        raise self.error

    def cancel(self) -> None:
        """As DeploymentResponseGenerator.cancel."""
        self.cancelled += 1


def rpc_error(code: StatusCode) -> AioRpcError:
    return AioRpcError(code, Metadata(), Metadata(), details="Received message larger than max (5 vs. 4)")


@pytest.mark.parametrize(
    ("error", "becomes"),
    [
        (ActorUnavailableError("gone", bytes(16)), PoolFailed),
        (rpc_error(StatusCode.INTERNAL), PoolFailed),
        (ConnectionError("reset"), PoolFailed),
        (BackPressureError(num_queued_requests=1, max_queued_requests=1), PoolBusy),
        (rpc_error(StatusCode.RESOURCE_EXHAUSTED), HttpError),
    ],
)
def test_failures_are_told_apart(error: Exception, becomes: type[Exception]) -> None:
    handle: Any = FailingHandle(error)

    async def run() -> list[Frame]:
        async with PoolClient("small", handle).frames(EngineRequest("chat", {}, "r")) as frames:
            return [frame async for frame in frames]

    with pytest.raises(becomes) as raised:
        asyncio.run(run())
    assert "small" in str(raised.value)
    assert handle.cancelled == 1
    if isinstance(raised.value, HttpError):
        # Neither a PoolFailed nor a PoolBusy: another replica would fail in the same way, so none is asked.
        assert (raised.value.status, raised.value.code) == (500, "message_too_large")
