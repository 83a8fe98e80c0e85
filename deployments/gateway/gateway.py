"""The gateway: one raw ASGI object behind Serve's proxy. Inference requests go through `Answering.answer`."""

from __future__ import annotations

import asyncio
import logging
import os
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any

from starlette.types import Receive, Scope, Send

from cluster.spec import FleetSpec
from deployments.board.link import BoardLink
from deployments.board.scaling import LOG_LENGTH
from deployments.gateway import scrape as fleet_metrics
from deployments.gateway import views as fleet_views
from deployments.gateway.answering import Answering
from deployments.gateway.board_sync import BoardSync
from deployments.gateway.clients import Clients
from deployments.gateway.counts import RequestCounts
from deployments.gateway.desk import GatewayDesk
from deployments.gateway.errors import HttpError, router_errors
from deployments.gateway.exchange import Exchange
from deployments.gateway.generate import PlainRequest, plain_answer
from deployments.gateway.learning.learning import Handler, Learning
from deployments.gateway.page import assets
from deployments.gateway.page.live import LiveData
from deployments.gateway.pool_client import PoolClient
from deployments.metrics.gateway import GatewayMetrics
from deployments.running_spec import version
from router.loading import load_quality
from router.requests import as_chat, from_chat, from_completion, from_name
from router.types import RoutingRequest

log = logging.getLogger("signalbox.gateway")


@dataclass
class Applied:
    """The spec by which a gateway replica answers."""

    version: str
    """From `deployments.running_spec.version`."""
    since_s: float
    """Unix time."""
    problem: str | None = None
    """Why a newer spec was refused."""


class Gateway:
    """Handles the fleet's HTTP requests by one spec. Holds no state that another gateway replica would need."""

    desk: GatewayDesk
    learning: Learning
    live: LiveData
    sync: BoardSync

    def __init__(
        self,
        spec: FleetSpec,
        pools: Mapping[str, PoolClient],
        board: BoardLink | None = None,
        before: Gateway | None = None,
    ) -> None:
        """Prepare to answer by a spec.

        Args:
            before: the gateway of an earlier spec with the same pools. This one goes on with its counts and with what
                it has learned; requests that have begun end there.

        Raises:
            BadQualityModel, ConfidenceError: a file that the spec names cannot be used.
        """
        self.spec = spec
        self.applied = Applied(version(spec), time.time())
        self.pools = pools
        self.metrics: GatewayMetrics = before.metrics if before else GatewayMetrics()
        self.board: BoardLink = board or (before.board if before else BoardLink(spec))
        self.clients = Clients(spec.gateway)
        self.desk = GatewayDesk(spec, load_quality(spec), self.metrics, before.desk if before else None)
        learned, synced = (before.learning, before.sync) if before else (None, None)
        self.learning = Learning(spec, pools, self.board, self.desk, self.metrics, learned)
        self.answering = Answering(spec, pools, self.desk, self.learning)
        self.live = LiveData(self.desk, before.live if before else None)
        self.sync = BoardSync(self.board, self.desk, self.learning, self.live, synced)
        self.routes: dict[str, dict[str, Handler]] = {
            "/v1/chat/completions": {"POST": self._chat},
            "/v1/completions": {"POST": self._completion},
            "/v1/route": {"POST": self._route},
            "/generate": {"POST": self._generate},
            "/tokenize": {"POST": self._tokenize},
            "/detokenize": {"POST": self._detokenize},
            "/v1/models": {"GET": self._models},
            "/v1/fleet": {"GET": self._fleet},
            "/v1/scaling": {"GET": self._scaling},
            "/health": {"GET": self._health},
            "/ready": {"GET": self._ready},
            "/metrics": {"GET": self._metrics},
            **self.learning.routes,
            **self.live.routes,
            **assets.routes(),
        }
        self.paths = tuple(path for path in self.routes if not path.startswith(assets.FOLDER))
        """The paths that error messages list."""
        self.counts = RequestCounts(self.metrics, self.paths)

    # -- ASGI ------------------------------------------------------------------------------------------------

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one HTTP request."""
        exchange = Exchange(scope, receive, send)
        try:
            exchange.client = self.clients.identify(exchange.path, exchange.headers)
            await self._handler(exchange)(exchange)
        except HttpError as error:
            await self._fail(exchange, error)
        except asyncio.CancelledError:
            if not exchange.disconnected:
                raise
        except Exception:
            log.exception("unexpected error on %s", exchange.path)
            await self._fail(exchange, HttpError(500, "The gateway failed on this request; the error has been logged."))
        self.counts.ended(exchange)

    def _handler(self, exchange: Exchange) -> Handler:
        methods = self.routes.get(exchange.path)
        if methods is None:
            known = ", ".join(self.paths)
            raise HttpError(404, f"Unknown path {exchange.path[:200]}. Known paths: {known}.", code="unknown_path")
        handler = methods.get("GET" if exchange.method == "HEAD" else exchange.method)
        if handler is None:
            allowed = exchange.response_headers["allow"] = ", ".join(methods)
            raise HttpError(
                405, f"{exchange.path} does not accept {exchange.method}: use {allowed}.", code="method_not_allowed"
            )
        return handler

    async def _fail(self, exchange: Exchange, error: HttpError) -> None:
        """Send an error body before the first byte, or an error event in a stream that has begun."""
        exchange.error = error
        if not exchange.started:
            await exchange.reply(error.status, error.body)
        else:
            await exchange.write(b"data: " + error.body + b"\n\n", more=False)

    # -- inference -------------------------------------------------------------------------------------------

    async def _chat(self, exchange: Exchange) -> None:
        body = await self._body(exchange)
        await self.answering.answer(exchange, "chat", body, _checked(from_chat, body))

    async def _completion(self, exchange: Exchange) -> None:
        body = await self._body(exchange)
        await self.answering.answer(exchange, "completion", body, _checked(from_completion, body))

    async def _body(self, exchange: Exchange) -> dict[str, Any]:
        return await exchange.read_json(self.spec.gateway.max_body_bytes)

    # -- the other paths -------------------------------------------------------------------------------------

    async def _route(self, exchange: Exchange) -> None:
        """Return the decision for a body. Nothing is generated, booked or remembered."""
        body = await self._body(exchange)
        with router_errors():
            body = as_chat(body)
        await exchange.reply_json(self.desk.explain(exchange, body, _checked(from_chat, body)))

    async def _generate(self, exchange: Exchange) -> None:
        plain = PlainRequest.read(await self._body(exchange))
        body = plain.as_chat()
        await self.answering.answer(exchange, "chat", body, _checked(from_chat, body), shape=plain_answer)

    async def _tokenize(self, exchange: Exchange) -> None:
        body = await self._body(exchange)
        await self.answering.answer(exchange, "tokenize", body, _checked(from_name, body))

    async def _detokenize(self, exchange: Exchange) -> None:
        body = await self._body(exchange)
        await self.answering.answer(exchange, "detokenize", body, _checked(from_name, body))

    async def _models(self, exchange: Exchange) -> None:
        await exchange.reply_json(fleet_views.models(self.spec, self.desk.fleet))

    async def _fleet(self, exchange: Exchange) -> None:
        view = fleet_views.fleet(self.spec, self.desk.fleet, time.time(), self.learning.state)
        proxy = "HAProxy" if os.environ.get("RAY_SERVE_ENABLE_HA_PROXY") == "1" else "Ray Serve's own proxy"
        await exchange.reply_json({**view, "spec": asdict(self.applied), "proxy": proxy})

    async def _scaling(self, exchange: Exchange) -> None:
        newest = exchange.query_number("newest", LOG_LENGTH)
        await exchange.reply_json(fleet_views.scaling(await self.board.scaling(max(0, int(newest)))))

    async def _health(self, exchange: Exchange) -> None:
        await exchange.reply_json({"status": "ok"})

    async def _ready(self, exchange: Exchange) -> None:
        view = fleet_views.readiness(self.spec, self.desk.fleet) | {"spec": self.applied.version}
        await exchange.reply_json(view, status=200 if view["ready"] else 503)

    async def _metrics(self, exchange: Exchange) -> None:
        await exchange.reply(200, await fleet_metrics.joined(), fleet_metrics.CONTENT_TYPE)


def _checked(read: Callable[[dict[str, Any]], RoutingRequest], body: dict[str, Any]) -> RoutingRequest:
    """Return the routing request of a body; raises HttpError 400 for an invalid one."""
    with router_errors():
        return read(body)
