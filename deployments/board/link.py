"""A process's way to the fleet board."""

from __future__ import annotations

import logging
from typing import Any

import ray
from ray.actor import ActorHandle

from cluster.spec import FleetSpec
from deployments.board.board import FleetBoard
from deployments.board.state_folder import state_folder

NAMESPACE = "signalbox"

log = logging.getLogger("signalbox.board")


class BoardLink:
    """A process's way to the board: finds or starts it, and never raises."""

    def __init__(self, spec: FleetSpec) -> None:
        self._name = f"board-{spec.name}"
        self._folder = state_folder(spec)
        self._actor: ActorHandle[Any] | None = None

    def actor(self) -> ActorHandle[Any]:
        """The board; started where there is none."""
        if self._actor is None:
            remote: Any = ray.remote(FleetBoard)
            self._actor = remote.options(
                name=self._name,
                namespace=NAMESPACE,
                lifetime="detached",
                get_if_exists=True,
                num_cpus=0,
                max_restarts=-1,
            ).remote(self._folder)
        return self._actor

    async def call(self, method: str, *args: Any) -> Any:
        """Call a board method; None when the board cannot be reached (the next call looks for it anew)."""
        try:
            return await getattr(self.actor(), method).remote(*args)
        except Exception as error:
            log.warning("fleet board not reached: %s", error)
            self.forget()
            return None

    def forget(self) -> None:
        """Look for the board anew at the next call."""
        self._actor = None
