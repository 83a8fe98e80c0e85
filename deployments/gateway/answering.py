"""Answering one inference request: `Answering.answer` is its whole way."""

from __future__ import annotations

import asyncio
import logging
import secrets
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from autoscaling.lateness import is_late
from cluster.spec import FleetSpec
from cluster.usage import Usage
from cluster.wish import is_auto
from deployments.answer_counts import AnswerCounts
from deployments.confidence_file import load_confidence
from deployments.gateway.desk import GENERATING, Bill, RoutingDesk
from deployments.gateway.errors import HttpError
from deployments.gateway.exchange import STREAM_TYPE, Exchange
from deployments.gateway.headers import route_headers
from deployments.gateway.learning.learning import Learning
from deployments.gateway.pool_client import PoolBusy, PoolClient, PoolFailed
from deployments.gateway.second_opinions import Dropped, Opinions, opinions
from deployments.metrics.gateway import GatewayMetrics
from deployments.wire.frames import Chunk, Closed, EngineRequest, Kind, Opened
from router.types import RoutingDecision, RoutingRequest

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


class Answering:
    """Decides, relays and accounts inference requests of one gateway replica."""

    def __init__(
        self,
        spec: FleetSpec,
        pools: Mapping[str, PoolClient],
        desk: RoutingDesk,
        learning: Learning,
        metrics: GatewayMetrics,
    ) -> None:
        self.spec = spec
        self.pools = pools
        self.confidence = load_confidence(spec.routing)
        self.desk = desk
        self.learning = learning
        self.metrics = metrics
        self.counts = AnswerCounts(spec, desk, metrics)

    async def answer(
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
                        with self.desk.demand.asked(pool):
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
                self._charge(job, asked, usage, late=False)
            self.desk.close(bill, client_left=exchange.disconnected)

    async def _relay(self, job: Job, pool: str) -> None:
        """Pass one pool's frames on to the client, if second opinions let them."""
        exchange = job.exchange
        self._explain(job, pool)  # for an error, too
        if job.kind in GENERATING:
            for demanded in job.decision.demanded if pool == job.decision.pool else (pool,):
                self.desk.demand.arrived(demanded, job.ask.prompt_tokens)
            self.desk.demand.taken(pool)
        asked, first = time.perf_counter(), None
        async with job.second.frames(pool, partial(self._request, job)) as frames:
            # A whole answer opens when it is complete: only a stream's opening says that the first token is there.
            patience_s = self.spec.gateway.first_token_timeout_s if job.body.get("stream") else None
            with self.desk.demand.unopened(pool):
                opened = await asyncio.wait_for(anext(frames), patience_s)
            assert isinstance(opened, Opened)
            self._explain(job, pool)  # now with what was said of the answer
            async for frame in frames:
                if isinstance(frame, Closed):
                    self._account(job, pool, opened.status, frame.usage, asked, first)
                elif isinstance(frame, Chunk) and opened.streams:
                    if not exchange.started:
                        first = time.perf_counter()
                        self.metrics.ttft.observe(first - job.arrived, tags={"pool": pool})
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

    def _account(self, job: Job, pool: str, status: int, usage: Usage, asked: float, first: float | None) -> None:
        """An answer is complete.

        Args:
            asked: when its pool was asked, in seconds of `time.perf_counter`.
            first: when its first byte was sent; None for an answer that was not streamed.
        """
        first_s = None if first is None else first - asked
        late = is_late(self.spec.scaling, first_s, time.perf_counter() - asked, usage.completion_tokens)
        self._charge(job, pool, usage, late=late)
        if status == 200:
            self.desk.answered(job.bill, pool, usage)
            if job.kind in GENERATING:
                self.counts.complete(pool, job.arrived, first, usage)

    def _learn(self, job: Job) -> None:
        """The client has its answer: the rest goes on without it."""
        if pool := job.bill.answered_by:
            self.learning.after(job.exchange, job.kind, job.body, job.ask, pool, self.desk.fleet)

    def _charge(self, job: Job, pool: str, usage: Usage, *, late: bool) -> None:
        """Count tokens that a pool has consumed, whether the client saw them or not."""
        self.desk.pay(job.bill, pool, usage, late=late)
        self.counts.consumed(pool, job.exchange.client, usage)
