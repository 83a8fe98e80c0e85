"""Change the quality model of a running fleet: `/v1/router`.

The fleet board knows which artifact is in use. Every gateway replica learns its version in the exchange with the board,
and switches between two decisions, so no request notices.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from dataclasses import asdict
from typing import Any

from deployments.board.link import BoardLink
from deployments.board.messages import ArtifactChange, ArtifactState, LearningState
from deployments.gateway.errors import HttpError
from deployments.gateway.exchange import Exchange
from router.model.arrays import ArtifactError
from router.quality import QualityModel

MAX_ARTIFACT_BYTES = 32 * 2**20

log = logging.getLogger("signalbox.quality")


class QualityReload:
    """Switches this gateway replica between the spec's quality model and artifacts that were put in use."""

    def __init__(
        self,
        board: BoardLink,
        base: str,
        model: QualityModel,
        read: Callable[[bytes], QualityModel],
        switch: Callable[[QualityModel], None],
    ) -> None:
        self._board = board
        self._read = read
        self._base = base
        """Name of the model in the spec."""
        self._base_model = self._model = model
        self._switch = switch
        self._version: str | None = None
        self._state = ArtifactState()
        self._refused: str | None = None
        """A version that cannot be loaded here; it is not tried again."""
        self._problem: str | None = None
        self.learning: LearningState | None = None
        """What the fleet has learned from its traffic, as the board said last."""

    async def follow(self, state: ArtifactState) -> None:
        """Use the artifact that the board reports; fetch and load it if it has changed."""
        self._state = state
        version = state.version
        if version is not None and version == self._refused:
            return
        self._refused = self._problem = None
        if version == self._version:
            return
        if version is None:
            self._decide_by(self._base_model, None)
        elif data := await self._board.artifact(version):
            await self._load(version, data)

    async def _load(self, version: str, data: bytes) -> None:
        try:
            self._decide_by(await asyncio.to_thread(self._read, data), version)
        except ArtifactError as error:
            # It was valid when it was put in use, but another release checked it, or it was damaged later.
            self._refused, self._problem = version, f"artifact {version} {error}"
            log.error("%s", self._problem)

    def _decide_by(self, model: QualityModel, version: str | None) -> None:
        self._switch(model)
        self._model, self._version = model, version
        log.warning("the router uses %s", version or self._base)

    # -- HTTP ------------------------------------------------------------------------------------------------

    async def show(self, exchange: Exchange) -> None:
        """Answer GET /v1/router."""
        await exchange.reply_json(self.view())

    async def put(self, exchange: Exchange) -> None:
        """Answer PUT /v1/router, whose body is an artifact.

        Raises:
            HttpError: 400 for an invalid artifact, 413 for one that is too large, 503 if it cannot be stored.
        """
        data = await exchange.read_bytes(MAX_ARTIFACT_BYTES)
        try:
            await asyncio.to_thread(self._read, data)
        except ArtifactError as error:
            raise HttpError(400, f"The artifact {error}.", code="invalid_artifact") from error
        await self._adopt(await self._board.use_artifact(data))
        self._audit(exchange, "put an artifact in use")
        await self.show(exchange)

    async def roll_back(self, exchange: Exchange) -> None:
        """Answer POST /v1/router/rollback.

        Raises:
            HttpError: 409 if the spec's model is in use already, 503 if the change cannot be stored.
        """
        if not await self._adopt(await self._board.roll_back_artifact()):
            raise HttpError(409, "The spec's own model decides: there is nothing to go back to.", code="no_rollback")
        self._audit(exchange, "rolled the artifact back")
        await self.show(exchange)

    def _audit(self, exchange: Exchange, what: str) -> None:
        """Log who changed how the fleet routes. A warning, so that every log level but `error` has it."""
        who = exchange.client or "a client without a key"
        log.warning("%s %s: %s (request %r)", who, what, self._state.version or self._base, exchange.request_id)

    def view(self) -> dict[str, Any]:
        """Return the model in use on this replica, since when, and the earlier ones."""
        return {
            "version": self._version,
            "since_s": self._state.since_s,
            "base": self._base,
            "card": getattr(self._model, "card", None),
            "previous": [asdict(each) for each in self._state.previous],
            "problem": self._problem,
            "learning": asdict(self.learning) if self.learning else None,
        }

    async def _adopt(self, change: ArtifactChange | None) -> bool:
        """Follow a change on the board; False if it changed nothing.

        Raises:
            HttpError: 503 if the board does not respond.
        """
        if change is None:
            message = "The fleet board did not store the change: try again soon. Nothing has changed."
            raise HttpError(503, message, code="not_stored")
        await self.follow(change.state)
        return change.changed
