"""The gateway: one raw ASGI object behind Serve's proxy. A request's whole way is `Gateway._answer`."""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from ray import serve
from ray.serve.handle import DeploymentHandle
from starlette.types import Receive, Scope, Send

from cluster.spec import FleetSpec
from cluster.state import FleetState, group_by_pool
from cluster.wish import is_auto
from deployments import fleet_metrics, fleet_views
from deployments.board import BoardLink
from deployments.clients import Clients
from deployments.confidence_file import load_confidence
from deployments.errors import HttpError
from deployments.escalation import Dropped, Opinions, opinions
from deployments.exchange import STREAM_TYPE, Exchange
from deployments.frames import Chunk, Closed, EngineRequest, Kind, Opened, Usage
from deployments.learning import Handler, Learning
from deployments.metrics import GatewayMetrics
from deployments.plain import PlainRequest, plain_answer
from deployments.pool_client import PoolBusy, PoolClient, PoolFailed
from deployments.quality import load_quality
from deployments.route_headers import route_headers
from deployments.route_query import as_chat
from deployments.routing_desk import Bill, RoutingDesk
from router.explain import explained
from router.requests import from_chat, from_completion, from_name
from router.types import BadRequest, RoutingDecision, RoutingRequest

READ_BOARD_EVERY_S = 0.5
MAX_TRIES = 3

log = logging.getLogger("signalbox.gateway")


@dataclass(frozen=True)
class Job:
    """One request on its way."""

    exchange: Exchange
    kind: Kind
    body: dict[str, Any]
    ask: RoutingRequest
    priority: int
    shape: Callable[[bytes], bytes]
    """Turns the body of a whole answer into what the client wants."""
    decision: RoutingDecision
    second: Opinions
    bill: Bill
    arrived: float = field(default_factory=time.perf_counter)


class Gateway:
    """Routes, relays and accounts requests. Holds no state that another gateway replica would need."""

    def __init__(self, spec: FleetSpec, pools: Mapping[str, PoolClient]) -> None:
        self.spec = spec
        self.pools = pools
        self.confidence = load_confidence(spec.routing)
        self.metrics = GatewayMetrics()
        self.board = BoardLink(spec)
        self.clients = Clients(spec.gateway)
        self.desk = RoutingDesk(spec, load_quality(spec), self.board, self.metrics)
        self.fleet: FleetState | None = None
        self.learning = Learning(spec, pools, self.board, self.desk, self.metrics)
        self.background: list[asyncio.Task[None]] = []
        self.routes: dict[str, dict[str, Handler]] = {
            "/v1/chat/completions": {"POST": self._chat},
            "/v1/completions": {"POST": self._completion},
            "/v1/route": {"POST": self._route},
            "/generate": {"POST": self._generate},
            "/tokenize": {"POST": self._tokenize},
            "/detokenize": {"POST": self._detokenize},
            "/v1/models": {"GET": self._models},
            "/v1/fleet": {"GET": self._fleet},
            "/health": {"GET": self._health},
            "/ready": {"GET": self._ready},
            "/metrics": {"GET": self._metrics},
            **self.learning.routes,
        }

    # -- ASGI ------------------------------------------------------------------------------------------------

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "lifespan":
            return await self._lifespan(receive, send)
        if scope["type"] != "http":
            return None
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
            await self._fail(exchange, HttpError(500, "The gateway failed on this request; it has been logged."))
        self._count(exchange)
        return None

    def _handler(self, exchange: Exchange) -> Handler:
        methods = self.routes.get(exchange.path)
        if methods is None:
            known = ", ".join(self.routes)
            raise HttpError(404, f"Unknown path {exchange.path[:200]}; there are: {known}.", code="unknown_path")
        handler = methods.get("GET" if exchange.method == "HEAD" else exchange.method)
        if handler is None:
            allowed = exchange.response_headers["allow"] = ", ".join(methods)
            raise HttpError(405, f"{exchange.path} takes {allowed}, not {exchange.method}.", code="method_not_allowed")
        return handler

    async def _fail(self, exchange: Exchange, error: HttpError) -> None:
        """An error body before the first byte, an error event in a stream that has begun."""
        if not exchange.started:
            await exchange.reply(error.status, error.body)
        else:
            await exchange.write(b"data: " + error.body + b"\n\n", more=False)

    def _count(self, exchange: Exchange) -> None:
        path = exchange.path if exchange.path in self.routes else "other"
        tags = {"path": path, "pool": exchange.response_headers.get("x-signalbox-pool", "")}
        if exchange.disconnected:
            self.metrics.cancelled.inc(tags={"pool": tags["pool"]})
        self.metrics.requests.inc(tags={**tags, "status": str(exchange.status or 499)})

    async def _lifespan(self, receive: Receive, send: Send) -> None:
        await receive()
        self.background = [asyncio.create_task(each) for each in (self._watch_board(), self.learning.sync_forever())]
        await send({"type": "lifespan.startup.complete"})
        await receive()
        for task in self.background:
            task.cancel()
        await send({"type": "lifespan.shutdown.complete"})

    async def _watch_board(self) -> None:
        """Keep a snapshot of the fleet beside the requests' way."""
        while True:
            reports = await self.board.call("snapshot")
            self.fleet = None if reports is None else group_by_pool(reports)
            await self.desk.sync(self.fleet)
            await asyncio.sleep(READ_BOARD_EVERY_S)

    # -- inference -------------------------------------------------------------------------------------------

    async def _chat(self, exchange: Exchange) -> None:
        body = await self._body(exchange)
        await self._answer(exchange, "chat", body, _checked(from_chat, body))

    async def _completion(self, exchange: Exchange) -> None:
        body = await self._body(exchange)
        await self._answer(exchange, "completion", body, _checked(from_completion, body))

    async def _body(self, exchange: Exchange) -> dict[str, Any]:
        return await exchange.read_json(self.spec.gateway.max_body_bytes)

    async def _answer(
        self,
        exchange: Exchange,
        kind: Kind,
        body: dict[str, Any],
        ask: RoutingRequest,
        shape: Callable[[bytes], bytes] = bytes,
    ) -> None:
        """Decide, relay the pool's frames, ask another replica or a higher tier as long as nothing was sent."""
        priority = self._priority(exchange)
        ask = self.desk.wishing(exchange, body, ask)
        decision = self.desk.decide(ask)
        bill = self.desk.open(exchange, kind, body, ask, decision)
        second = opinions(self.spec, self.pools, self.confidence, ask, decision, kind, body)
        job = Job(exchange, kind, body, ask, priority, shape, decision, second, bill)
        self.learning.before(exchange, kind, ask, decision)
        tries = second.tries(self._tries(ask, decision))
        try:
            async with (
                asyncio.timeout(self.spec.gateway.request_timeout_s),
                exchange.cancelled_by_disconnect(),
            ):
                while True:
                    pool = tries.pop(0)
                    try:
                        await self._relay(job, pool)
                        return self._learn(job)
                    except Dropped as dropped:
                        self.metrics.escalations.inc(tags={"pool": pool, "to": dropped.next_pool})
                        tries = second.after_drop(pool, dropped.next_pool, tries)
                    except (PoolFailed, PoolBusy) as error:
                        if exchange.started or not tries:
                            raise
                        log.warning("another try: %s", error)
                        second.say(f"{pool} failed")
                        self.metrics.retries.inc(tags={"pool": pool})
        except PoolBusy as error:
            exchange.response_headers["retry-after"] = "1"
            raise HttpError(429, f"{error}; retry in a second.", code="pool_full") from error
        except PoolFailed as error:
            if exchange.started:
                self.metrics.broken_streams.inc(tags={"pool": exchange.response_headers["x-signalbox-pool"]})
            raise HttpError(503, f"{error}; it is being replaced, retry soon.", code="replica_failed") from error
        except TimeoutError as error:
            raise HttpError(504, "The answer did not come within the gateway's time limit.", code="timeout") from error
        finally:
            for asked, usage in second.spent:
                self._charge(job, asked, usage)
            self.desk.close(bill, client_left=exchange.disconnected)

    async def _relay(self, job: Job, pool: str) -> None:
        """Pass one pool's frames on to the client, if second opinions let them."""
        exchange = job.exchange
        self._explain(job, pool)  # for an error, too
        async with job.second.frames(pool, partial(self._request, job)) as frames:
            # A whole answer opens when it is complete: only a stream's opening says that the first token is there.
            patience_s = self.spec.gateway.first_token_timeout_s if job.body.get("stream") else None
            opened = await asyncio.wait_for(anext(frames), patience_s)
            assert isinstance(opened, Opened)
            self._explain(job, pool)  # now with what was said of the answer
            async for frame in frames:
                if isinstance(frame, Closed):
                    self._account(job, pool, opened.status, frame.usage)
                elif isinstance(frame, Chunk) and opened.streams:
                    if not exchange.started:
                        self.metrics.ttft.observe(time.perf_counter() - job.arrived, tags={"pool": pool})
                        await exchange.start(opened.status, STREAM_TYPE)
                    await exchange.write(frame.data)
                elif isinstance(frame, Chunk):
                    await exchange.reply(opened.status, job.shape(frame.data) if opened.status == 200 else frame.data)
            if opened.streams:
                await exchange.write(b"", more=False)

    def _request(self, job: Job, pool: str, judged_tokens: int) -> EngineRequest:
        # Clients may repeat an id, and so do retries; an engine takes each only once at a time.
        engine_id = f"{job.exchange.request_id}-{secrets.token_hex(4)}"
        return EngineRequest(job.kind, self._body_for(pool, job.body), engine_id, job.priority, judged_tokens)

    def _tries(self, ask: RoutingRequest, decision: RoutingDecision) -> list[str]:
        """Pools in the order they are tried: the chosen one twice (another replica), then what else would do."""
        others = decision.alternatives if is_auto(ask.model) else ()
        return [decision.pool, decision.pool, *others][:MAX_TRIES]

    def _explain(self, job: Job, pool: str) -> None:
        """Say in headers who answers and why, and what other pools' answers to the request cost."""
        headers = route_headers(self.spec, job.decision, pool, job.second.reasons)
        if job.second.dropped:
            headers["x-signalbox-escalated-from"] = ", ".join(job.second.dropped)
        if job.second.spent:
            headers["x-signalbox-extra-cost"] = f"{sum(self.desk.cost(*each) for each in job.second.spent):.3g}"
        job.exchange.response_headers |= headers

    def _priority(self, exchange: Exchange) -> int:
        priorities = self.spec.gateway.priorities
        name = exchange.headers.get("x-signalbox-priority", self.spec.gateway.default_priority)
        if name not in priorities:
            choices = ", ".join(priorities)
            raise HttpError(400, f"x-signalbox-priority '{name[:100]}' is unknown: write one of {choices}.")
        return priorities[name]

    def _body_for(self, pool: str, body: dict[str, Any]) -> dict[str, Any]:
        """The client's body with the pool's true model name, or with the adapter of the pool that it names."""
        named = body.get("model")
        true_name = named if named in self.spec.pools[pool].adapters else self.spec.pools[pool].public_name
        return {**body, "model": true_name}

    def _account(self, job: Job, pool: str, status: int, usage: Usage) -> None:
        """An answer is complete."""
        self.metrics.e2e.observe(time.perf_counter() - job.arrived, tags={"pool": pool})
        self._charge(job, pool, usage)
        if status == 200:
            job.bill.answered_by = pool

    def _learn(self, job: Job) -> None:
        """The client has its answer: the rest goes on without it."""
        if pool := job.bill.answered_by:
            self.learning.after(job.exchange, job.kind, job.body, job.ask, pool, self.fleet)

    def _charge(self, job: Job, pool: str, usage: Usage) -> None:
        """Count tokens that a pool has consumed, whether the client saw them or not."""
        self.desk.pay(job.bill, pool, usage)
        if usage.prompt_tokens:
            self.metrics.prompt_tokens.inc(usage.prompt_tokens, tags={"pool": pool})
        if usage.completion_tokens:
            self.metrics.completion_tokens.inc(usage.completion_tokens, tags={"pool": pool})

    # -- the other paths -------------------------------------------------------------------------------------

    async def _route(self, exchange: Exchange) -> None:
        """What would be decided for a body now; nothing is generated, booked or remembered."""
        body = as_chat(await self._body(exchange))
        ask = self.desk.wishing(exchange, body, _checked(from_chat, body))
        await exchange.reply_json(explained(self.desk.router, ask, self.desk.decide(ask)))

    async def _generate(self, exchange: Exchange) -> None:
        plain = PlainRequest.read(await self._body(exchange))
        body = plain.as_chat()
        await self._answer(exchange, "chat", body, _checked(from_chat, body), shape=plain_answer)

    async def _tokenize(self, exchange: Exchange) -> None:
        body = await self._body(exchange)
        await self._answer(exchange, "tokenize", body, _checked(from_name, body))

    async def _detokenize(self, exchange: Exchange) -> None:
        body = await self._body(exchange)
        await self._answer(exchange, "detokenize", body, _checked(from_name, body))

    async def _models(self, exchange: Exchange) -> None:
        await exchange.reply_json(fleet_views.models(self.spec, self.fleet))

    async def _fleet(self, exchange: Exchange) -> None:
        view = fleet_views.fleet(self.spec, self.fleet, time.time())
        proxy = "HAProxy" if os.environ.get("RAY_SERVE_ENABLE_HA_PROXY") == "1" else "Ray Serve's own proxy"
        await exchange.reply_json({**view, "proxy": proxy})

    async def _health(self, exchange: Exchange) -> None:
        await exchange.reply_json({"status": "ok"})

    async def _ready(self, exchange: Exchange) -> None:
        view = fleet_views.readiness(self.spec, self.fleet)
        await exchange.reply_json(view, status=200 if view["ready"] else 503)

    async def _metrics(self, exchange: Exchange) -> None:
        await exchange.reply(200, await fleet_metrics.joined(), fleet_metrics.CONTENT_TYPE)


def _checked(read: Callable[[dict[str, Any]], RoutingRequest], body: dict[str, Any]) -> RoutingRequest:
    """The routing request of a body, or the 400 that says what is wrong with it."""
    try:
        return read(body)
    except BadRequest as error:
        raise HttpError(400, error.message, param=error.param) from error


@serve.ingress()
class GatewayDeployment:
    """The Serve deployment that faces clients."""

    def __init__(self, spec: dict[str, Any], pools: dict[str, DeploymentHandle[Any]]) -> None:
        fleet = FleetSpec.model_validate(spec)
        self.gateway = Gateway(fleet, {name: PoolClient(name, handle) for name, handle in pools.items()})

    def __serve_build_asgi_app__(self) -> Gateway:
        return self.gateway
