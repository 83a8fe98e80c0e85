"""A process's link to the fleet board: a typed method for each call."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Sequence
from typing import Any, Concatenate, ParamSpec, TypeVar

import ray
from ray.actor import ActorHandle

from cluster.spec import FleetSpec
from cluster.state import ReplicaState
from deployments.board.board import FleetBoard
from deployments.board.messages import ArtifactChange, BoardView, GatewayReport, ScalingLog, ScalingView
from deployments.board.records import Decided, Recent
from deployments.board.state_folder import state_folder

NAMESPACE = "signalbox"

log = logging.getLogger("signalbox.board")
Arguments = ParamSpec("Arguments")
Result = TypeVar("Result")


class BoardLink:
    """Finds the board, or starts it. No method raises; all return None while the board is unreachable."""

    def __init__(self, spec: FleetSpec, timeout_s: float | None = None) -> None:
        """A link that waits for an answer up to `timeout_s`; without one, until Ray knows that the board is gone.

        A call that timed out may still arrive, so without a timeout nothing is delivered twice.
        """
        self._name = f"board-{spec.name}"
        self._folder = state_folder(spec)
        self._timeout_s = timeout_s
        self._handle: ActorHandle[Any] | None = None
        self._reachable = True

    # -- replicas --------------------------------------------------------------------------------------------

    async def report(self, state: ReplicaState) -> None:
        """As FleetBoard.report; a lost report is replaced by the next one."""
        await self._call(FleetBoard.report, state)

    async def leave(self, replica_id: str) -> None:
        """As FleetBoard.leave; the board drops a silent replica in any case."""
        await self._call(FleetBoard.leave, replica_id)

    # -- gateways --------------------------------------------------------------------------------------------

    async def apply(self, spec: FleetSpec) -> None:
        """As FleetBoard.apply."""
        await self._call(FleetBoard.apply, spec)

    async def exchange(self, report: GatewayReport) -> BoardView | None:
        """As FleetBoard.exchange."""
        return await self._call(FleetBoard.exchange, report)

    async def recall(self, request_id: str) -> Recent | None:
        """As FleetBoard.recall."""
        return await self._call(FleetBoard.recall, request_id)

    async def scaling(self, newest: int) -> ScalingLog | None:
        """As FleetBoard.scaling."""
        return await self._call(FleetBoard.scaling, newest)

    async def artifact(self, version: str) -> bytes | None:
        """As FleetBoard.artifact."""
        return await self._call(FleetBoard.artifact, version)

    async def use_artifact(self, data: bytes) -> ArtifactChange | None:
        """As FleetBoard.use_artifact; None as well if it could not be stored."""
        return await self._call(FleetBoard.use_artifact, data)

    async def roll_back_artifact(self) -> ArtifactChange | None:
        """As FleetBoard.roll_back_artifact; None as well if it could not be stored."""
        return await self._call(FleetBoard.roll_back_artifact)

    # -- the scaling policy ----------------------------------------------------------------------------------

    async def exchange_scaling(self, decisions: Sequence[Decided]) -> ScalingView | None:
        """As FleetBoard.exchange_scaling."""
        return await self._call(FleetBoard.exchange_scaling, decisions)

    # -- inside ----------------------------------------------------------------------------------------------

    async def _call(
        self,
        method: Callable[Concatenate[FleetBoard, Arguments], Result],
        *args: Arguments.args,
        **kwargs: Arguments.kwargs,
    ) -> Result | None:
        try:
            async with asyncio.timeout(self._timeout_s):
                result: Result = await getattr(self._board(), method.__name__).remote(*args, **kwargs)
        except Exception as error:
            self._note(f"fleet board unreachable in {method.__name__}: {error!r}", reachable=False)
            self._handle = None  # the next call looks for the board again
            return None
        self._note("fleet board reachable again", reachable=True)
        return result

    def _board(self) -> Any:
        """The board's actor, started if there is none."""
        if self._handle is None:
            remote: Any = ray.remote(FleetBoard)
            self._handle = remote.options(
                name=self._name,
                namespace=NAMESPACE,
                lifetime="detached",
                get_if_exists=True,
                num_cpus=0,
                max_restarts=-1,
            ).remote(self._folder)
        return self._handle

    def _note(self, message: str, *, reachable: bool) -> None:
        """Log when the board becomes unreachable or reachable, not at every call."""
        if reachable != self._reachable:
            log.warning("%s", message)
        self._reachable = reachable
