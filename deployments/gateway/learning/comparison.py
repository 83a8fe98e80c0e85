"""Labels from own traffic: another tier answers some requests as well, and the final answers are compared.

The highest tier's answer is taken for right. A lower tier's answer is good if its final answer is the same. For prose
without a final answer, a judge may say whether it is as good. Otherwise there is no label.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import replace

from cluster.pool import TIERS
from cluster.spec import FleetSpec
from cluster.usage import Usage
from deployments.gateway.learning.quiet_ask import Answered, QuietAnswer, QuietAsk, is_idle, is_sampled, lot
from deployments.gateway.pool_client import PoolBusy, PoolClient, PoolFailed
from deployments.metrics.gateway import GatewayMetrics
from router.confidence.calibration import Graded
from router.confidence.final_answer import final_answer
from router.confidence.pairwise import REPLY_TOKENS, as_good, better, pair_prompt
from router.desk import Ticket
from router.labels import Label, label_of
from router.quality import QualityModel
from router.tokens import of_text

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
        expected = self._expected(pool, answered, ticket)
        if final_answer(answered.answer) is None and self._rule.judge is None:
            self._count(pool, "abstained")
        elif len(self._tasks) >= self._rule.max_ongoing or not is_idle(ticket.desk.fleet, pool):
            self._count(pool, "dropped")
        elif self._extra + expected > self._rule.max_extra_cost * self._paid:
            self._count(pool, "too_expensive")
        else:
            self._extra += expected  # booked now, because others may begin before the answer is there
            task = asyncio.create_task(self._compare(pool, answered, ticket, expected))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    def _expected(self, pool: str, answered: Answered, ticket: Ticket) -> float:
        """Expected cost of a comparison, with the judge's two requests for prose."""
        cost = ticket.decision.appraisals[pool].cost
        if self._rule.judge is None or final_answer(answered.answer) is not None:
            return cost
        read = of_text(pair_prompt(answered.request.text, answered.answer, answered.answer)).count
        return cost + 2 * ticket.desk.cost(self._rule.judge, Usage(read, REPLY_TOKENS))

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
        paid: list[float] = []
        try:
            result = await self._compared(pool, answered, ticket, paid)
        except (PoolFailed, PoolBusy, TimeoutError) as error:
            log.warning("a request for comparison to %s: %s", pool, error)
            result = "dropped" if isinstance(error, PoolBusy) else "failed"
        finally:
            self._extra += sum(paid) - expected
        self._count(pool, result)

    async def _compared(self, pool: str, answered: Answered, ticket: Ticket, paid: list[float]) -> str:
        """Give a label if there is one. Returns what to count; adds what was paid."""
        other = await self._ask(pool, answered)
        if other is None:
            return "failed"
        paid.append(ticket.desk.cost(pool, other.usage))
        texts = {answered.tier: answered.answer, self._tiers[pool]: other.text}
        low, high = (texts[tier] for tier in sorted(texts, key=TIERS.index))
        good: bool | None = None
        if None not in (ends := (final_answer(low), final_answer(high))):
            good = ends[0] == ends[1]
        elif self._rule.judge:
            good = await self._judged(self._rule.judge, answered, (low, high), ticket, paid)
        if good is None:
            return "abstained"
        self._give(self._label(pool, answered, other, ticket, good=good))
        return "labelled"

    async def _judged(
        self, judge: str, answered: Answered, answers: tuple[str, str], ticket: Ticket, paid: list[float]
    ) -> bool | None:
        """Whether the first answer is as good as the second one; None if the judge does not know."""
        verdicts = []
        for first, second in (answers, answers[::-1]):
            prompt = pair_prompt(answered.request.text, first, second)
            messages = [{"role": "user", "content": prompt}]
            body = {"messages": messages, "max_tokens": REPLY_TOKENS, "temperature": 0}
            reply = await self._ask(judge, replace(answered, kind="chat", body=body))
            if reply is None:
                return None
            paid.append(ticket.desk.cost(judge, reply.usage))
            verdicts.append(better(reply.text))
        return as_good(*verdicts)

    def _label(self, pool: str, answered: Answered, other: QuietAnswer, ticket: Ticket, *, good: bool) -> Label:
        tokens = {answered.tier: answered.tokens, self._tiers[pool]: other.usage.completion_tokens}
        low, high = sorted(tokens, key=TIERS.index)
        confidence = ticket.attempts.confidence
        judged = [Graded(name, confidence[name], float(good)) for name in confidence if self._tiers[name] == low]
        label = label_of(
            answered.request,
            expected=self._base.predict(answered.request).quality,
            quality={low: float(good), high: 1.0},
            output_tokens={tier: float(count) for tier, count in tokens.items() if count},
            at_s=time.time(),
            source="comparison",
        )
        return replace(label, judged=judged[0] if judged else None)

    def _count(self, pool: str, result: str) -> None:
        self._metrics.comparisons.inc(tags={"pool": pool, "result": result})
