"""What the router weighs for one request, and the appraisal of each pool: quality, cost, wait and utility."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

from cluster.load import predicted_wait_s
from cluster.spec import FleetSpec
from cluster.state import FleetState
from router.costs import Costs
from router.types import Appraisal, Prediction, RoutingRequest, RoutingState

FLOOR = 0.5
"""A pool whose answer is half as likely good as that of the best pool is predicted to fail."""

DOUBT = 4.0
"""How much greater the odds of failing are after a dropped answer. Set by hand: the next turn of a hard thread stays
where the last one was answered, and "thanks" does not."""


@dataclass(frozen=True)
class Weighing:
    """The one input of the scorers, of the choice and of its reasons."""

    request: RoutingRequest
    prediction: Prediction
    spec: FleetSpec
    costs: Costs
    pools: Sequence[str]
    """Pools that may answer."""
    fleet: FleetState | None
    """The newest snapshot; None without a board: load is then ignored."""
    now_s: float
    state: RoutingState

    @cached_property
    def cost_lambda(self) -> float:
        """Quality given up per unit of the prices' currency.

        The budget sets it. Without a budget, `cost_weight` is what this request may cost at most in the pools that may
        answer it: the trade is the same for a short and for a long prompt, so length alone never decides.
        """
        if self.state.cost_lambda is not None:
            return self.state.cost_lambda
        highest = max(cost(self, pool) for pool in self.pools)
        return self.spec.routing.cost_weight / highest if highest else 0.0

    @cached_property
    def floor(self) -> float:
        """Predicted quality below which a pool is not chosen for its price; 0 with a budget, which has to be met."""
        if self.state.cost_lambda is not None:
            return 0.0
        return FLOOR * max(quality(self, pool) for pool in self.pools)

    def appraise(self, pool: str) -> Appraisal:
        """One pool as a candidate."""
        return Appraisal(quality(self, pool), cost(self, pool), wait_s(self, pool), utility(self, pool))


def quality(weighing: Weighing, pool: str) -> float:
    """Predicted probability that the pool's answer is good."""
    return weighing.prediction.quality[weighing.spec.pools[pool].tier]


def output_tokens(weighing: Weighing, pool: str) -> float:
    """Predicted length of the pool's answer."""
    return weighing.prediction.output_tokens[weighing.spec.pools[pool].tier]


def cost(weighing: Weighing, pool: str) -> float:
    """Expected cost of the request, in the prices' currency."""
    request, tokens = weighing.request, output_tokens(weighing, pool)
    prompts, answer = request.prompt_tokens + request.other_prompt_tokens, min(tokens, request.max_tokens or tokens)
    return weighing.costs.of(pool, prompts, answer * request.sequences)


def wait_s(weighing: Weighing, pool: str) -> float:
    """Predicted wait in the queue of the pool's least busy replica; inf without a fresh report."""
    fleet, state = weighing.fleet, weighing.state
    if fleet is None:
        return 0.0
    tokens = state.answer_tokens.get(pool, output_tokens(weighing, pool))
    waits = (
        predicted_wait_s(replica, state.tokens_per_s.get(replica.replica_id, 0.0), tokens)
        for replica in (fleet[pool].replicas if pool in fleet else ())
        if replica.is_fresh(weighing.now_s)
    )
    return min(waits, default=math.inf)


# -- utility ---------------------------------------------------------------------------------------------------------


def price(weighing: Weighing, pool: str) -> float:
    """What the cost is worth in quality, as a deduction."""
    return -(weighing.cost_lambda * cost(weighing, pool))


def affinity(weighing: Weighing, pool: str) -> float:
    """A bonus for the conversation's last pool, whose KV cache holds its prefix."""
    return weighing.spec.routing.switch_gain if pool == weighing.request.last_pool else 0.0


def doubt(weighing: Weighing, pool: str) -> float:
    """A deduction for a pool whose answer in this conversation was dropped: its odds of failing are greater here.

    A hard conversation stays where it was answered. A trivial request may go back, because its odds of failing are low.
    """
    if pool not in weighing.request.doubted:
        return 0.0
    good = quality(weighing, pool)
    return good / (good + DOUBT * (1 - good)) - good if good else 0.0


SCORERS: Mapping[str, Callable[[Weighing, str], float]] = {
    "quality": quality,
    "price": price,
    "affinity": affinity,
    "doubt": doubt,
}
"""What adds up to a pool's utility, in units of quality."""


def utility(weighing: Weighing, pool: str) -> float:
    """The sum of all scorers; the pool with the largest utility wins."""
    return sum(score(weighing, pool) for score in SCORERS.values())
