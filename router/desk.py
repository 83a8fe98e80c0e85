"""The account of one request: decide, book its expected cost, pay what pools generated, close.

Pure: callers pass the time and send the requests. The gateway and the simulation share this desk, so a simulated
budget works like the one that serves.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np

from cluster.pool import PricesSpec
from cluster.spec import FleetSpec
from cluster.state import FleetState
from cluster.usage import Usage
from cluster.wish import is_auto
from router.attempts import Attempts
from router.budget.controller import BudgetController
from router.confidence.judge import ConfidenceModel
from router.confidence.pools import PoolConfidence
from router.conversations import NEW, Conversations, conversation_key, goes_on
from router.decide import Router
from router.preambles import Preambles
from router.quality import QualityModel
from router.traffic import Traffic
from router.types import RoutingDecision, RoutingRequest
from router.wishes import full_wish


@dataclass(frozen=True)
class Sender:
    """What is known about a request's sender, apart from the body."""

    client: str | None = None
    """The API key's name in the spec; None if the fleet needs no keys."""
    preference: str | None = None
    """Value of the header `router.wishes.ROUTE_HEADER`."""
    session: str | None = None
    """Value of the header `router.conversations.SESSION_HEADER`."""


ANYBODY = Sender()
NO_BODY: Mapping[str, Any] = {}


class Desk:
    """Makes the decisions and keeps the accounts of one process."""

    def __init__(
        self,
        spec: FleetSpec,
        model: QualityModel,
        confidence: ConfidenceModel | None = None,
        before: Desk | None = None,
    ) -> None:
        """Open a desk.

        Args:
            before: the desk that decided by an earlier spec; this one remembers what that one has learned.
        """
        self.spec = spec
        self.router = Router(spec, model)
        self.fleet: FleetState | None = before.fleet if before else None
        """The newest snapshot; None without one: decisions then ignore load."""
        self.traffic: Traffic = before.traffic if before else Traffic()
        self.budget = self._controller(model, before)
        self.conversations: Conversations = before.conversations if before else Conversations()
        self.preambles: Preambles = before.preambles if before else Preambles()
        self.confidence: PoolConfidence = PoolConfidence(confidence, before.confidence if before else None)
        self._pools = list(spec.pools)

    def use(self, model: QualityModel) -> None:
        """Use another quality model from the next request on. The budget keeps its account."""
        self.router = Router(self.spec, model)

    def see(self, fleet: FleetState | None) -> None:
        """Use a new snapshot from now on."""
        self.traffic.see(fleet or {})
        self.fleet = fleet

    # -- a request -----------------------------------------------------------------------------------------------

    def complete(
        self, request: RoutingRequest, body: Mapping[str, Any] = NO_BODY, sender: Sender = ANYBODY
    ) -> RoutingRequest:
        """Return a request with its preferences and the course of its conversation, without a repeated preamble.

        Raises:
            BadRequest: the sender's header has an unknown word or an invalid number.
        """
        wish = full_wish(self.spec, request.wish, sender.preference, sender.client)
        conversation = conversation_key(body, sender.session, sender.client)
        course = self.conversations.course(conversation) if goes_on(body) else NEW
        text = self.preambles.without(request.text, sender.client)
        return replace(request, text=text, wish=wish, conversation=conversation, **vars(course))

    def decide(self, request: RoutingRequest, now_s: float) -> RoutingDecision:
        """Return the decision for a completed request; nothing is booked.

        Args:
            now_s: Unix time.

        Raises:
            NoPool: the model name is unknown, or no pool may answer.
        """
        cost_lambda = self.budget.cost_lambda if self.budget else None
        return self.router.decide(request, self.fleet, now_s, self.traffic.state(cost_lambda))

    def open(
        self, request: RoutingRequest, now_s: float, body: Mapping[str, Any] = NO_BODY, sender: Sender = ANYBODY
    ) -> Ticket:
        """Complete a request, decide, and book the expected cost of the chosen pool.

        Raises:
            BadRequest: as `complete`.
            NoPool: as `decide`.
        """
        whole_text = request.text
        request = self.complete(request, body, sender)
        decision = self.decide(request, now_s)
        attempts = Attempts(self.spec, request, decision, self.confidence, self.fleet)
        ticket = Ticket(self, request, decision, attempts)
        if ticket.is_routed:
            self.traffic.decided(decision)
            self.preambles.see(whole_text, sender.client)
            ticket.booked = self._book(request, decision)
        return ticket

    # -- costs ---------------------------------------------------------------------------------------------------

    def cost(self, pool: str, usage: Usage) -> float:
        """Return the cost of a pool's tokens, in the prices' currency."""
        return self.router.costs.of(pool, usage.prompt_tokens, usage.completion_tokens)

    def always_large_cost(self, usage: Usage) -> float:
        """Return what tokens cost in the most expensive pool of the large tier; 0 without such a pool."""
        large = (name for name, pool in self.spec.pools.items() if pool.tier == "large")
        return max((self.cost(pool, usage) for pool in large), default=0.0)

    def correct(self, booked: float, paid: list[tuple[str, float]]) -> None:
        """Replace a booked amount by what was paid.

        Args:
            paid: pools that generated, each with its cost.
        """
        assert self.budget is not None  # something was booked
        spent = sum(self.budget.spend(self._pools.index(pool), cost) for pool, cost in paid)
        self.budget.correct(booked, min(spent, 1.0) if self.budget.by_share else spent)

    def _book(self, request: RoutingRequest, decision: RoutingDecision) -> float | None:
        """Book the expected cost.

        A request with a mode (`cheap` or `best`) does not depend on lambda, so the budget's sample offers it only the
        chosen pool.
        """
        if self.budget is None:
            return None
        movable = decision.appraisals if request.wish.mode is None else {decision.pool}
        quality, cost = np.full(len(self._pools), -np.inf), np.zeros(len(self._pools))
        for column, pool in enumerate(self._pools):
            if pool in decision.appraisals:
                cost[column] = decision.appraisals[pool].cost
                quality[column] = decision.appraisals[pool].quality if pool in movable else -np.inf
        return self.budget.charge(quality, cost, self._pools.index(decision.pool))

    def _controller(self, model: QualityModel, before: Desk | None) -> BudgetController | None:
        """Return the controller of the spec's budget; it goes on with the account of the same budget before."""
        if self.spec.routing.budget is None:
            return None
        same = before is not None and before.spec.routing.budget == self.spec.routing.budget
        if before and same and _prices(before.spec) == _prices(self.spec):
            return before.budget
        is_large = [pool.tier == "large" for pool in self.spec.pools.values()]
        offers = self.router.costs.offers(model.calibration) if model.calibration is not None else None
        budget = BudgetController(self.spec.routing.budget, is_large, self.router.usual_lambda, offers)
        if before and same and before.budget:
            budget.go_on(before.budget)
        return budget


def _prices(spec: FleetSpec) -> list[tuple[str, PricesSpec]]:
    """By pool, in the order that a budget counts them in."""
    return [(name, pool.prices) for name, pool in spec.pools.items()]


@dataclass(eq=False)
class Ticket:
    """One request at the desk, from its decision to its end."""

    desk: Desk
    request: RoutingRequest
    """Completed: with its preferences and the course of its conversation."""
    decision: RoutingDecision
    attempts: Attempts
    booked: float | None = None
    """Charged to the budget at the decision; None for a request that the budget does not cover."""
    paid: list[tuple[str, float]] = field(default_factory=list)
    """Pools that generated, each with its cost; more than one if an answer was dropped."""
    answered_by: str | None = None
    """The pool whose whole answer was delivered; None until then."""

    @property
    def is_routed(self) -> bool:
        """Whether the router chose the pool and a pool generates. Only these count for budgets and conversations."""
        return self.request.generates and is_auto(self.request.model)

    def spent(self, pool: str, usage: Usage) -> float:
        """Account for a pool's tokens, whether the client saw them or not. Returns their cost."""
        cost = self.desk.cost(pool, usage)
        if usage.prompt_tokens or usage.completion_tokens:
            self.paid.append((pool, cost))
        if usage.completion_tokens:
            self.desk.traffic.answered(pool, usage.completion_tokens)
        return cost

    def answered(self, pool: str) -> None:
        """Record that a pool's whole answer was delivered."""
        self.answered_by = pool
        if self.is_routed:
            self.desk.conversations.remember(self.request.conversation, pool, self.attempts.dropped)

    def close(self, *, client_left: bool = False) -> None:
        """Replace what was booked by what was paid.

        The booked amount stays if the cost is unknown: the client left early, or the engine counts no tokens.
        """
        unknown = client_left or (self.answered_by is not None and not self.paid)
        if self.booked is not None and not unknown:
            self.desk.correct(self.booked, self.paid)
