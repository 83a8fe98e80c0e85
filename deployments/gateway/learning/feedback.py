"""`POST /v1/feedback`: clients' scores for answers become training data of the router.

A gateway replica remembers the requests that it answered. In a fleet with several, it also reports them to the fleet
board, because feedback may arrive at any replica.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from pathlib import Path

from pydantic import BaseModel, ConfigDict, Field

from cluster.routing import FeedbackSpec
from deployments.board.durable_files import JsonLinesFolder
from deployments.board.link import BoardLink
from deployments.board.messages import AnsweredRequests
from deployments.board.periods import RECALL_AFTER_S
from deployments.board.recent_requests import RecentRequests, size_of
from deployments.board.records import Limits, Recent
from deployments.gateway.errors import HttpError
from deployments.gateway.exchange import Exchange
from deployments.gateway.fields import read_fields
from deployments.metrics.gateway import GatewayMetrics
from router.labels import Label, label_of
from router.quality import QualityModel
from router.recording import outcome_line
from router.types import RoutingRequest

MAX_BODY_BYTES = 20_000
MAX_REPORT_REQUESTS = 500
"""Maximum requests in one exchange with the board. With two exchanges per second, no gateway replica answers more."""
MAX_REPORT_BYTES = 2 * 2**20
"""Maximum bytes in one exchange, exceeded by at most one request. The board handles no other call meanwhile."""

log = logging.getLogger("signalbox.feedback")


class FeedbackBody(BaseModel):
    """The body of POST /v1/feedback."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    request_id: str = Field(min_length=1, max_length=200)
    """The answer's `x-request-id` header, or the `id` of its body."""
    score: float = Field(ge=0, le=1, allow_inf_nan=False)
    """Quality of the answer: 0 is useless, 1 is right."""
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
        self._learned: tuple[QualityModel, Callable[[Label], None]] | None = None
        self._unreported: dict[str, None] = {}
        """Ids of requests that the board does not know yet, oldest first."""

    def learn(self, base: QualityModel, give: Callable[[Label], None]) -> None:
        """Hand each score on as a label, too.

        Args:
            base: the spec's own model; a label keeps what it predicted.
        """
        self._learned = base, give

    def go_on(self, before: Feedback) -> None:
        """Remember the requests that were remembered under an earlier spec."""
        self._recent, self._unreported = before._recent, before._unreported

    def remember(self, request_id: str, client: str | None, request: RoutingRequest, tier: str) -> None:
        """Record a request that was answered."""
        entry = Recent(request_id, client, tier, outcome_line(request))
        self._recent.remember([entry])
        if self._shared:
            self._unreported.pop(request_id, None)
            self._unreported[request_id] = None
            if len(self._unreported) > self._limits.requests:  # the board may be unreachable for long
                del self._unreported[next(iter(self._unreported))]

    def report(self) -> AnsweredRequests | None:
        """Return requests that the board does not know yet, oldest first, within the limits of one report."""
        entries: list[Recent] = []
        room = MAX_REPORT_BYTES
        for request_id in list(self._unreported):
            if len(entries) == MAX_REPORT_REQUESTS or room <= 0:
                break
            if (entry := self._recent.get(request_id)) is None:  # no longer remembered here either
                del self._unreported[request_id]
            else:
                entries.append(entry)
                room -= size_of(entry)
        return AnsweredRequests(self._limits, entries) if entries else None

    def reported(self, answered: AnsweredRequests) -> None:
        """Record that the board received a report. Requests that were answered again meanwhile are reported again."""
        for entry in answered.requests:
            if self._recent.get(entry.request_id) is entry:
                self._unreported.pop(entry.request_id, None)

    async def take(self, exchange: Exchange, client: str | None) -> None:
        """Answer POST /v1/feedback.

        Raises:
            HttpError: 400 for an invalid body, 404 for a request that is unknown or forgotten, 503 if the feedback
                cannot be stored.
        """
        body = read_fields(FeedbackBody, await exchange.read_json(MAX_BODY_BYTES))
        entry = await self._find(body.request_id)
        if entry is None or entry.client != client:
            raise HttpError(
                404,
                f"Unknown or forgotten request '{body.request_id}': use the x-request-id of a recent answer.",
                param="request_id",
                code="unknown_request",
            )
        fields = {"source": "feedback", "request_id": entry.request_id, "at_s": time.time(), "comment": body.comment}
        line = entry.line | {"quality": {entry.tier: body.score}} | {k: v for k, v in fields.items() if v is not None}
        try:
            await asyncio.to_thread(self._lines.append, line)
        except OSError as error:
            log.error("feedback cannot be stored in %s: %s", self._lines.folder, error)
            raise HttpError(503, "The feedback could not be stored; try again later.", code="not_stored") from error
        self._metrics.feedback.inc(tags={"tier": entry.tier})
        if self._learned:
            base, give = self._learned
            give(_label(entry, body.score, base))
        await exchange.reply_json({"request_id": entry.request_id, "tier": entry.tier, "score": body.score})

    async def _find(self, request_id: str) -> Recent | None:
        entry = self._recent.find(request_id)
        for pause_s in RECALL_AFTER_S if self._shared else ():
            if entry is None:
                await asyncio.sleep(pause_s)
                entry = await self._board.recall(request_id)
        return entry


def _label(entry: Recent, score: float, base: QualityModel) -> Label:
    traits = {name: entry.line[name] for name in ("system", "turns", "tools", "max_tokens", "prompt_tokens")
              if name in entry.line}  # fmt: skip
    request = RoutingRequest(text=entry.line["query"], **traits)
    expected = base.predict(request).quality
    return label_of(request, expected, {entry.tier: score}, {}, at_s=time.time(), source="feedback", owner=entry.client)
