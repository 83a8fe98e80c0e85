"""`POST /v1/feedback`: scores that clients give to answers become lines that the router is trained on.

A gateway replica remembers the requests that it answered. In a fleet with several, it also reports them to the fleet
board, because feedback may arrive at any replica.
"""

from __future__ import annotations

import asyncio
import logging
import time
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from cluster.routing import FeedbackSpec
from deployments.board.link import BoardLink
from deployments.board.messages import AnsweredRequests
from deployments.board.periods import RECALL_AFTER_S
from deployments.board.recent_requests import RecentRequests, size_of
from deployments.board.records import Limits, Recent
from deployments.durable_files import JsonLinesFolder
from deployments.gateway.errors import HttpError
from deployments.gateway.exchange import Exchange
from deployments.gateway.fields import read_fields
from deployments.metrics.gateway import GatewayMetrics
from router.recording import outcome_line
from router.types import RoutingRequest

MAX_BODY_BYTES = 20_000
MAX_REPORT_REQUESTS = 500
"""In one exchange with the board; twice a second, that is more than a gateway replica answers."""
MAX_REPORT_BYTES = 2 * 2**20
"""In one exchange, up to one request more: the board takes no other call meanwhile."""

log = logging.getLogger("signalbox.feedback")


class FeedbackBody(BaseModel):
    """The body of POST /v1/feedback."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    request_id: str = Field(min_length=1, max_length=200)
    """The answer's `x-request-id` header, or the `id` of its body."""
    score: float = Field(ge=0, le=1, allow_inf_nan=False)
    """How good the answer was: 0 useless, 1 right."""
    comment: str | None = Field(default=None, max_length=2_000)


class Feedback:
    """Remembers answered requests and stores their scores."""

    def __init__(
        self, spec: FeedbackSpec, folder: Path, board: BoardLink, metrics: GatewayMetrics, *, shared: bool
    ) -> None:
        self._limits = Limits(spec.keep_requests, spec.keep_mib * 2**20)
        self._recent = RecentRequests(self._limits)
        self._lines = JsonLinesFolder(folder)
        self._board = board
        self._metrics = metrics
        self._shared = shared
        """Whether feedback for this replica's answers may arrive at another one."""
        self._unreported: dict[str, None] = {}
        """Ids of requests that the board does not know yet, oldest first."""

    def remember(self, request_id: str, client: str | None, ask: RoutingRequest, tier: str) -> None:
        """Note a request that was answered."""
        entry = Recent(request_id, client, tier, outcome_line(ask))
        self._recent.remember([entry])
        if self._shared:
            self._unreported.pop(request_id, None)
            self._unreported[request_id] = None
            if len(self._unreported) > self._limits.requests:  # the board may be unreachable for long
                del self._unreported[next(iter(self._unreported))]

    def report(self) -> AnsweredRequests | None:
        """Requests that the board does not know yet, oldest first; not many at a time."""
        found: list[Recent] = []
        room = MAX_REPORT_BYTES
        for request_id in list(self._unreported):
            if len(found) == MAX_REPORT_REQUESTS or room <= 0:
                break
            if (entry := self._recent.get(request_id)) is None:  # no longer remembered here either
                del self._unreported[request_id]
            else:
                found.append(entry)
                room -= size_of(entry)
        return AnsweredRequests(self._limits, found) if found else None

    def reported(self, answered: AnsweredRequests) -> None:
        """The board has got a report. A request that was answered again meanwhile is reported again."""
        for entry in answered.requests:
            if self._recent.get(entry.request_id) is entry:
                self._unreported.pop(entry.request_id, None)

    async def take(self, exchange: Exchange, client: str | None) -> None:
        """Answer POST /v1/feedback.

        Raises:
            HttpError: 400 for a wrong body, 404 for a request that is not known (any more), 503 when it cannot be
                stored.
        """
        body = read_fields(FeedbackBody, await exchange.read_json(MAX_BODY_BYTES))
        found = await self._find(body.request_id)
        if found is None or found.client != client:
            raise HttpError(
                404,
                f"No request '{body.request_id}' is remembered: send the x-request-id of a recent answer.",
                param="request_id",
                code="unknown_request",
            )
        said = {"source": "feedback", "request_id": found.request_id, "at_s": time.time(), "comment": body.comment}
        line = found.line | {"quality": {found.tier: body.score}} | {k: v for k, v in said.items() if v is not None}
        try:
            await asyncio.to_thread(self._lines.append, line)
        except OSError as error:
            log.error("feedback cannot be stored in %s: %s", self._lines.folder, error)
            raise HttpError(503, "The feedback could not be stored; try again later.", code="not_stored") from error
        self._metrics.feedback.inc(tags={"tier": found.tier})
        await exchange.reply_json({"request_id": found.request_id, "tier": found.tier, "score": body.score})

    async def _find(self, request_id: str) -> Recent | None:
        found = self._recent.find(request_id)
        for pause_s in RECALL_AFTER_S if self._shared else ():
            if found is None:
                await asyncio.sleep(pause_s)
                found = await self._board.recall(request_id)
        return found
