"""Labels from own traffic: another tier answers some requests as well, and the final answers are compared.

The highest tier's answer is taken for right. A lower tier's answer is good if its final answer is the same. Answers
without a final answer that can be compared give no label.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping

from cluster.pool import TIERS
from cluster.spec import FleetSpec
from deployments.gateway.learning.quiet_ask import Answered, QuietAnswer, QuietAsk, is_idle, is_sampled, lot
from deployments.gateway.pool_client import PoolBusy, PoolClient, PoolFailed
from deployments.metrics.gateway import GatewayMetrics
from router.confidence.final_answer import final_answer
from router.desk import Ticket
from router.labels import Label, label_of
from router.quality import QualityModel

log = logging.getLogger("signalbox.comparison")


class Comparisons:
    """Compares answers of one gateway replica.

    Args:
        base: the spec's own model; a label keeps what it predicted.
        give: takes each label.
    """

    def __init__(
        self,
        spec: FleetSpec,
        pools: Mapping[str, PoolClient],
        base: QualityModel,
        metrics: GatewayMetrics,
        give: Callable[[Label], None],
    ) -> None:
        assert spec.routing.learn is not None
        self._rule = spec.routing.learn
        self._tiers = {name: pool.tier for name, pool in spec.pools.items()}
        self._ask = QuietAsk(spec, pools)
        self._base = base
        self._metrics = metrics
        self._give = give
        self._paid = 0.0
        """Cost of all answers to `auto` requests, in the prices' currency."""
        self._extra = 0.0
        """Cost of the answers that were asked for here."""
        self._tasks: set[asyncio.Task[None]] = set()

    def wants(self, request_id: str, ticket: Ticket) -> bool:
        """Whether this request is sampled, and another tier could answer it."""
        return (
            ticket.is_routed
            and ticket.request.several is None
            and is_sampled(f"learn-{request_id}", self._rule.share)
            and any(self._tiers[pool] != ticket.decision.tier for pool in ticket.decision.alternatives)
        )

    def paid(self, ticket: Ticket) -> None:
        """Count what an answer cost; it allows for other answers."""
        if ticket.is_routed:
            self._paid += sum(cost for _, cost in ticket.paid)

    def begin(self, answered: Answered, ticket: Ticket) -> None:
        """Ask another tier in the background, if it is idle and the bound on cost allows it."""
        pool = self._other(answered, ticket)
        if pool is None or not answered.answer:
            return
        if final_answer(answered.answer) is None:
            self._count(pool, "abstained")
        elif len(self._tasks) >= self._rule.max_ongoing or not is_idle(ticket.desk.fleet, pool):
            self._count(pool, "dropped")
        elif self._extra + (expected := ticket.decision.appraisals[pool].cost) > self._rule.max_extra_cost * self._paid:
            self._count(pool, "too_expensive")
        else:
            self._extra += expected  # booked now, because others may begin before the answer is there
            task = asyncio.create_task(self._compare(pool, answered, ticket, expected))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def _other(self, answered: Answered, ticket: Ticket) -> str | None:
        """The pool to ask: of the highest tier, or if that has answered, of a lower one."""
        able = (ticket.decision.pool, *ticket.decision.alternatives)
        others = [pool for pool in able if self._tiers[pool] != answered.tier and pool in ticket.decision.appraisals]
        if not others:
            return None
        highest = max(others, key=lambda pool: TIERS.index(self._tiers[pool]))
        if TIERS.index(self._tiers[highest]) > TIERS.index(answered.tier):
            return highest
        return others[int(lot(f"which-{answered.request_id}") * len(others))]

    async def _compare(self, pool: str, answered: Answered, ticket: Ticket, expected: float) -> None:
        other = None
        try:
            other = await self._ask(pool, answered)
        except (PoolFailed, PoolBusy, TimeoutError) as error:
            log.warning("a request for comparison to %s: %s", pool, error)
            self._count(pool, "dropped" if isinstance(error, PoolBusy) else "failed")
            return
        finally:
            self._extra += (ticket.desk.cost(pool, other.usage) if other else 0.0) - expected
        if other is None:
            self._count(pool, "failed")
            return
        label = self._label(pool, answered, other)
        self._count(pool, "labelled" if label else "abstained")
        if label:
            self._give(label)

    def _label(self, pool: str, answered: Answered, other: QuietAnswer) -> Label | None:
        found = {answered.tier: final_answer(answered.answer), self._tiers[pool]: final_answer(other.text)}
        if None in found.values():
            return None
        low, high = sorted(found, key=TIERS.index)
        tokens = {answered.tier: answered.tokens, self._tiers[pool]: other.usage.completion_tokens}
        return label_of(
            answered.request,
            expected=self._base.predict(answered.request).quality,
            quality={low: float(found[low] == found[high]), high: 1.0},
            output_tokens={tier: float(count) for tier, count in tokens.items() if count},
            at_s=time.time(),
            source="comparison",
        )

    def _count(self, pool: str, result: str) -> None:
        self._metrics.comparisons.inc(tags={"pool": pool, "result": result})
