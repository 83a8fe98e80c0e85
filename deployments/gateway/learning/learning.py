"""How a gateway replica improves the router: feedback, shadow traffic, and a replaceable quality model."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from typing import Any

from cluster.spec import FleetSpec
from deployments.board.link import BoardLink
from deployments.board.messages import AnsweredRequests, ArtifactState, LearningState
from deployments.board.state_folder import state_folder
from deployments.gateway.desk import GatewayDesk
from deployments.gateway.errors import HttpError
from deployments.gateway.exchange import Copy, Exchange
from deployments.gateway.learning.comparison import Comparisons
from deployments.gateway.learning.feedback import Feedback
from deployments.gateway.learning.quality_reload import QualityReload
from deployments.gateway.learning.quiet_ask import Answered
from deployments.gateway.learning.shadow import MAX_ANSWER_BYTES, Shadow, client_text
from deployments.gateway.pool_client import PoolClient
from deployments.gateway.ticket import GatewayTicket
from deployments.metrics.gateway import GatewayMetrics
from router.labels import Label, as_line
from router.loading import read_quality

log = logging.getLogger("signalbox.learning")
Handler = Callable[[Exchange], Awaitable[None]]
MOST_UNREPORTED = 1_000
"""Labels that wait for the board; the oldest are dropped."""
MOST_REPORTED = 50
"""Labels in one exchange with the board, some kilobytes each."""


class Learning:
    """The learning side of one gateway replica. It never delays a request."""

    def __init__(
        self,
        spec: FleetSpec,
        pools: Mapping[str, PoolClient],
        board: BoardLink,
        desk: GatewayDesk,
        metrics: GatewayMetrics,
        before: Learning | None = None,
    ) -> None:
        """Start learning.

        Args:
            before: what learned under an earlier spec. Its labels and the requests that it remembers are kept.
        """
        routing, folder = spec.routing, state_folder(spec)
        shared = spec.gateway.replicas.max > 1
        self._spec = spec
        self._metrics = metrics
        self._labels: list[dict[str, Any]] = before._labels if before else []
        """Labels that the board does not know yet, oldest first."""
        self._accounts = desk.accounts
        model = desk.router.model
        self._feedback = (
            Feedback(routing.feedback, folder / "feedback", board, metrics, shared=shared) if routing.feedback else None
        )
        if self._feedback and before and before._feedback and before._spec.routing.feedback == routing.feedback:
            self._feedback.go_on(before._feedback)
        if self._feedback and routing.learn:
            self._feedback.learn(model, self._keep)
        self._shadow = Shadow(spec, pools, folder / "shadow", metrics) if routing.shadow else None
        self._comparisons = Comparisons(spec, pools, model, metrics, self._keep) if routing.learn else None
        read = partial(read_quality, spec=spec)
        base = routing.artifact or "shipped"
        self._quality = QualityReload(board, base, model, read, desk.accounts.use)
        self._following: asyncio.Task[None] | None = None
        self.routes: dict[str, dict[str, Handler]] = {
            "/v1/feedback": {"POST": self._take_feedback},
            "/v1/router": {"GET": self._for_admins(self._quality.show), "PUT": self._for_admins(self._quality.put)},
            "/v1/router/rollback": {"POST": self._for_admins(self._quality.roll_back)},
        }

    @property
    def _askers(self) -> Sequence[Shadow | Comparisons]:
        return [each for each in (self._shadow, self._comparisons) if each is not None]

    # -- the exchange with the fleet board -------------------------------------------------------------------

    def report(self) -> AnsweredRequests | None:
        """Return answered requests that the board does not know yet."""
        return self._feedback.report() if self._feedback else None

    def labels(self) -> Sequence[dict[str, Any]]:
        """Return labels that the board does not know yet."""
        return tuple(self._labels[:MOST_REPORTED])

    def reported(self, answered: AnsweredRequests | None, labels: Sequence[Mapping[str, Any]]) -> None:
        """Record that the board received these requests and labels."""
        if self._feedback and answered:
            self._feedback.reported(answered)
        known = {id(label) for label in labels}
        self._labels = [label for label in self._labels if id(label) not in known]

    @property
    def state(self) -> LearningState | None:
        """What the fleet has learned, as the board said last; None in a fleet that does not learn."""
        return self._quality.learning

    def see(self, state: LearningState | None) -> None:
        """Show what the fleet has learned, and calibrate the confidence by it."""
        self._quality.learning = state
        self._accounts.confidence.use(state.confidence if state else {})
        for source, count in (state.labels if state else {}).items():
            self._metrics.labels.set(count, tags={"source": source})

    def _keep(self, label: Label) -> None:
        self._labels = [*self._labels, as_line(label)][-MOST_UNREPORTED:]

    def follow(self, state: ArtifactState) -> None:
        """Switch to the artifact in use. This runs in the background, because loading an artifact takes seconds."""
        if self._following is None or self._following.done():
            self._following = asyncio.create_task(self._follow(state))

    async def _follow(self, state: ArtifactState) -> None:
        try:
            await self._quality.follow(state)
        except Exception:
            log.exception("cannot follow the artifact in use; trying again")

    # -- around an answer ------------------------------------------------------------------------------------

    def before(self, ticket: GatewayTicket) -> None:
        """Before an answer: keep a copy if another pool will answer the request, too."""
        if any(each.wants(ticket.exchange.request_id, ticket.ticket) for each in self._askers):
            ticket.exchange.copy = Copy(MAX_ANSWER_BYTES)

    def after(self, ticket: GatewayTicket) -> None:
        """After a whole answer: remember the request for feedback, and ask other pools."""
        exchange, request, pool = ticket.exchange, ticket.ticket.request, ticket.ticket.answered_by
        if pool is None:
            return
        tier = self._spec.pools[pool].tier
        if self._feedback and request.generates:
            self._feedback.remember(exchange.request_id, exchange.client, request, tier)
        if self._comparisons:
            self._comparisons.paid(ticket.ticket)
        if exchange.copy is None or not exchange.copy.whole:
            return
        text = client_text(bytes(exchange.copy.data), bool(ticket.body.get("stream")))
        answered = Answered(
            exchange.request_id, request, ticket.kind, ticket.body, tier, text, ticket.usage.completion_tokens
        )
        for asker in self._askers:
            if asker.wants(exchange.request_id, ticket.ticket):
                asker.begin(answered, ticket.ticket)

    # -- HTTP ------------------------------------------------------------------------------------------------

    async def _take_feedback(self, exchange: Exchange) -> None:
        if self._feedback is None:
            message = "This fleet does not collect feedback: add `routing: {feedback: {}}` to its spec."
            raise HttpError(404, message, code="feedback_off")
        await self._feedback.take(exchange, exchange.client)

    def _for_admins(self, handler: Handler) -> Handler:
        async def checked(exchange: Exchange) -> None:
            keys = self._spec.gateway.api_keys
            if keys and not (exchange.client and keys[exchange.client].admin):
                message = "This key may not see or change the router: use a key with `admin: true` in the spec."
                raise HttpError(403, message, code="not_admin")
            await handler(exchange)

        return checked
