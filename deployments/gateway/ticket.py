"""One inference request at the gateway: the router's ticket plus clock, demand, totals, metrics and headers."""

from __future__ import annotations

import logging
import secrets
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Self

from autoscaling.lateness import is_late
from cluster.usage import Usage
from deployments.gateway.errors import HttpError
from deployments.gateway.exchange import Exchange
from deployments.gateway.headers import route_headers
from deployments.gateway.ledger import Ledger
from deployments.gateway.pool_client import PoolBusy, PoolFailed
from deployments.gateway.second_opinions import Dropped
from deployments.wire.frames import EngineRequest, Kind
from router.attempts import Attempts
from router.desk import Ticket

log = logging.getLogger("signalbox.gateway")


class ContextTooShort(Exception):
    """A pool refused the request for its context, and another pool has a larger one."""


class GatewayTicket:
    """A request from its decision to the end of its answer. Leaving its context closes the accounts."""

    def __init__(
        self, ticket: Ticket, ledger: Ledger, exchange: Exchange, kind: Kind, body: dict[str, Any], priority: int
    ) -> None:
        self.ticket = ticket
        self.exchange = exchange
        self.kind: Kind = kind
        self.body = body
        self.priority = priority
        self.usage = Usage()
        """Tokens of the answer that the client got."""
        self._ledger = ledger
        self._arrived = time.perf_counter()
        self._asked = self._arrived
        """When the current pool was asked, in seconds of `time.perf_counter`, like the other two times."""
        self._first: float | None = None
        """When the first byte of a stream was sent; None before, and for an answer that is not streamed."""

    @property
    def attempts(self) -> Attempts:
        """The pools to ask, in order."""
        return self.ticket.attempts

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.ticket.close(client_left=self.exchange.disconnected)

    # -- asking pools --------------------------------------------------------------------------------------------

    @contextmanager
    def asked(self, pool: str) -> Iterator[None]:
        """Ask a pool in this block.

        After a failure, a refusal for the context or a dropped answer the block ends normally, if no byte was sent and
        another pool can be tried.

        Raises:
            PoolFailed, PoolBusy: no other pool can be tried.
        """
        self._asked = time.perf_counter()
        self._ledger.sent(self.ticket.request, self.ticket.decision, pool)
        self.explain(pool)  # so that an error has the headers, too
        try:
            with self._ledger.demand.asked(pool):
                yield
            self.attempts.stop()
        except Dropped as dropped:
            self._ledger.metrics.escalations.inc(tags={"pool": pool, "to": dropped.next_pool})
            self.attempts.doubted(pool, dropped.next_pool)
        except ContextTooShort:
            log.info("the request does not fit the context of %s: asking another pool", pool)
        except (PoolFailed, PoolBusy) as error:
            if self.exchange.started and isinstance(error, PoolFailed):
                self._ledger.metrics.broken_streams.inc(tags={"pool": pool})
            if self.exchange.started or not self.attempts.more:
                raise
            log.warning("retrying: %s", error)
            self.attempts.failed(pool)
            self._ledger.metrics.retries.inc(tags={"pool": pool})

    def engine_request(self, pool: str, judged_tokens: int = 0) -> EngineRequest:
        """Return the request for a pool: the client's body with the name of the pool's model or adapter."""
        pool_spec, model = self._ledger.spec.pools[pool], self.body.get("model")
        body = {**self.body, "model": model if model in pool_spec.adapters else pool_spec.public_name}
        # Clients and retries may repeat an id, but an engine accepts each id only once at a time.
        engine_id = f"{self.exchange.request_id}-{secrets.token_hex(4)}"
        return EngineRequest(self.kind, body, engine_id, self.priority, judged_tokens)

    def explain(self, pool: str) -> None:
        """Set the headers: the pool that answers, the reasons, and the cost of other pools' answers to the request."""
        headers = route_headers(self._ledger.spec, self.ticket.decision, pool, self.attempts.reasons)
        if self.attempts.dropped:
            headers["x-signalbox-escalated-from"] = ", ".join(self.attempts.dropped)
        if self.ticket.paid:
            headers["x-signalbox-extra-cost"] = f"{sum(cost for _, cost in self.ticket.paid):.3g}"
        self.exchange.pool = pool
        self.exchange.response_headers |= headers

    # -- the answer ----------------------------------------------------------------------------------------------

    def first_byte(self, pool: str) -> None:
        """Record that the first byte of a stream is about to be sent."""
        self._first = time.perf_counter()
        self._ledger.metrics.ttft.observe(self._first - self._arrived, tags={"pool": pool})

    def ended(self, pool: str, status: int, usage: Usage) -> None:
        """Record that a pool's answer is complete, even if it is an error."""
        first_s = None if self._first is None else self._first - self._asked
        taken_s = time.perf_counter() - self._asked
        late = is_late(self._ledger.spec.scaling, first_s, taken_s, usage.completion_tokens)
        self.spent(pool, usage, late=late)
        if status == 200:
            self.usage = usage
            self.ticket.answered(pool)
            if self.ticket.request.generates:
                self._ledger.answers.complete(pool, self._arrived, self._first, usage)
                self._ledger.answered(pool, usage, self.ticket.desk.always_large_cost(usage))

    def spent(self, pool: str, usage: Usage, *, late: bool = False) -> None:
        """Account for a pool's tokens, whether the client saw them or not."""
        cost = self.ticket.spent(pool, usage)
        self._ledger.consumed(pool, self.exchange.client, usage, cost, late=late)


@contextmanager
def pool_errors(exchange: Exchange) -> Iterator[None]:
    """Turn the failures of pools into HTTP errors.

    Raises:
        HttpError: 429 for full pools, 503 for failed pools, 504 after the time limit.
    """
    try:
        yield
    except PoolBusy as error:
        exchange.response_headers["retry-after"] = "1"
        raise HttpError(429, f"{error}: retry in a second.", code="pool_full") from error
    except PoolFailed as error:
        raise HttpError(503, f"{error}. It is being replaced: retry soon.", code="replica_failed") from error
    except TimeoutError as error:
        raise HttpError(504, "The answer exceeded the gateway's time limit.", code="timeout") from error
