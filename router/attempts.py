"""Choose the pool to try next: after a failure, a refusal or a doubtful answer. Pure: the caller sends the requests.

A decision names one pool, but an answer may take several attempts. A pool that fails is tried once more, because
another replica may answer. A request that does not fit a pool's context is tried at one with a larger context. With
`routing.escalation`, a doubtful cheap answer escalates to a higher tier.
"""

from __future__ import annotations

from typing import Literal

from cluster.pool import TIERS
from cluster.routing import EscalationSpec
from cluster.spec import FleetSpec
from cluster.state import FleetState
from cluster.wish import is_auto
from router.confidence.judge import Candidate, Evidence, judge
from router.confidence.pools import PoolConfidence
from router.confidence.typical import LEAST_ANSWERS
from router.filters import max_context_tokens
from router.types import RoutingDecision, RoutingRequest

MAX_TRIES = 3
"""Maximum attempts of a request whose answers are not judged."""
Judging = Literal["confidence", "agreement"]
MAX_DROPS = 3
"""Answers that a conversation may drop, which bounds what it pays for answers that its client never sees."""


class Attempts:
    """One request's attempts. Iteration yields the pools to ask; `stop` ends it after an answer was delivered."""

    def __init__(
        self,
        spec: FleetSpec,
        request: RoutingRequest,
        decision: RoutingDecision,
        confidence: PoolConfidence,
        fleet: FleetState | None = None,
    ) -> None:
        self.reasons: list[str] = []
        """What happened after the decision, in the order of events."""
        self.dropped: list[str] = []
        """Pools whose answers were dropped."""
        self.confidence: dict[str, float] = {}
        """P(its answer is good) before calibration, of each pool that was judged by it."""
        self._spec = spec
        self._request = request
        self._decision = decision
        self._confidence = confidence
        self._contexts = {name: max_context_tokens(name, pool, fleet) for name, pool in spec.pools.items()}
        self._judged: set[str] = set()
        """Pools that were judged; another attempt at one of them is not judged again."""
        self._judges = self._may_judge()
        self._left = self._first_order()

    def __iter__(self) -> Attempts:
        return self

    def __next__(self) -> str:
        if not self._left:
            raise StopIteration
        return self._left.pop(0)

    @property
    def more(self) -> bool:
        """Whether another pool can be tried."""
        return bool(self._left)

    def stop(self) -> None:
        """End the attempts, because an answer was delivered."""
        self._left.clear()

    def failed(self, pool: str) -> None:
        """Record that a pool failed or was full before the first byte."""
        self.say(f"{pool} failed")

    def doubted(self, pool: str, next_pool: str) -> None:
        """Record a dropped answer. Higher pools come next; the doubted pool stays as a last resort."""
        self.dropped.append(pool)
        others = [each for each in dict.fromkeys(self._left) if each not in (pool, next_pool)]
        higher = [each for each in others if self._rank(each) > self._rank(pool)]
        lower = [each for each in others if each not in higher]
        self._left = [next_pool, next_pool, *higher, pool, *lower]

    def too_long(self, pool: str) -> bool:
        """Record that a pool refused the request for its context. Returns whether a larger context is tried next."""
        pools = (self._decision.pool, *self._decision.alternatives) if self._request.generates else ()
        larger = [each for each in pools if self._contexts[each] > self._contexts[pool]]
        if larger:
            self.say(f"the request does not fit {pool}'s context")
            self._left = larger
        return bool(larger)

    def say(self, reason: str) -> None:
        """Add a reason, once."""
        if reason not in self.reasons:
            self.reasons.append(reason)

    # -- whose answers are judged --------------------------------------------------------------------------------

    @property
    def rule(self) -> EscalationSpec:
        """The spec's `routing.escalation`. Call it only if answers are judged."""
        assert self._spec.routing.escalation is not None
        return self._spec.routing.escalation

    def judging(self, pool: str) -> Judging | None:
        """Return how this pool's answer is judged before the client gets it; None if it is not held back.

        A pool whose engine reports no log-probabilities is compared with another cheap pool, if that may pay.
        """
        if not self._judges or pool in self._judged or self._spec.pools[pool].tier not in self.rule.from_tiers:
            return None
        if not self._candidates(pool):
            return None
        if self.rule.kind == "agreement":
            return "agreement" if self.partner(pool) is not None and not self._judged else None
        engine = self._spec.pools[pool].engine
        if engine.traits.judgeable:
            return "confidence"
        if not self._judged and self._comparison_may_pay(pool):
            return "agreement"
        self.say(f"{pool} not judged: its engine ({engine.kind}) reports no log-probabilities")
        return None

    def partner(self, pool: str) -> str | None:
        """Return the other cheap pool to ask for agreement: the best one of another tier below large."""
        pools = (self._decision.pool, *self._decision.alternatives)
        cheap = (each for each in pools if self._spec.pools[each].tier in ("small", "moe"))
        return next((each for each in cheap if self._rank(each) != self._rank(pool)), None)

    # -- judgements ----------------------------------------------------------------------------------------------

    def judge(self, pool: str, evidence: Evidence) -> str | None:
        """Judge an answer by its first tokens. Returns the pool to ask instead, or None to keep the answer."""
        self._judged.add(pool)
        if not evidence.logprobs:
            self.say(f"{pool} not judged: its engine gave no log-probabilities")
            return None
        tier = self._spec.pools[pool].tier
        confidence = self._confidence.confidence(pool, tier, evidence, self._decision.prediction)
        if confidence is None:
            self.say(f"{pool} not judged: fewer than {LEAST_ANSWERS} of its answers were seen")
            return None
        self.confidence[pool] = confidence
        verdict = judge(
            self._confidence.calibrated(pool, confidence),
            self._candidates(pool),
            self._decision.cost_lambda,
            self.rule.min_gain,
            len(evidence.logprobs),
        )
        self.say(f"{pool}: {verdict.reason}")
        return verdict.escalate_to

    def compare(self, pool: str, partner: str, *, agree: bool, reason: str) -> str | None:
        """Compare two cheap answers. Returns the pool to ask instead, or None to keep the answer."""
        self._judged |= {pool, partner}
        self.say(f"{pool} and {partner} {'agree' if agree else 'disagree'}: {reason}")
        if agree:
            return None
        higher = self._candidates(max((pool, partner), key=self._rank)) or self._candidates(pool)
        return higher[0].pool

    # -- inside --------------------------------------------------------------------------------------------------

    def _may_judge(self) -> bool:
        request = self._request
        enabled = self._spec.routing.escalation is not None and request.wish.escalate is not False
        if not (enabled and request.generates and is_auto(request.model)):
            return False
        if request.drops >= MAX_DROPS:
            self.say(f"not judged: {request.drops} answers of this conversation were dropped already")
            return False
        if request.several:
            self.say(f"not judged: {request.several} asks for several answers")
        return not request.several

    def _first_order(self) -> list[str]:
        """Return the chosen pool twice (for another replica), then the decision's alternatives.

        Agreement begins with the cheaper one of the two pools that it compares.
        """
        first = self._decision.pool
        others = self._decision.alternatives if is_auto(self._request.model) else ()
        order = [first, first, *others][:MAX_TRIES]
        partner = self.partner(first) if self.judging(first) == "agreement" else None
        if partner is None or self._rank(partner) > self._rank(first):
            return order
        return [partner, *order]

    def _comparison_may_pay(self, pool: str) -> bool:
        """Whether a second cheap answer can gain more than `min_gain`, if it finds every bad answer of this pool."""
        partner = self.partner(pool)
        if partner is None or not {pool, partner} <= self._decision.appraisals.keys():
            return False
        price, bad = self._decision.cost_lambda, 1 - self._decision.appraisals[pool].quality
        best = max(each.quality - price * each.cost for each in self._candidates(pool))
        return bad * best - price * self._decision.appraisals[partner].cost > self.rule.min_gain

    def _candidates(self, pool: str) -> list[Candidate]:
        """Return the pools of higher tiers that may answer instead, the decision's best first."""
        candidates = []
        for each in self._decision.alternatives:
            appraisal = self._decision.appraisals.get(each)
            if appraisal is None or self._rank(each) <= self._rank(pool):
                continue
            limit = self._request.wish.max_cost
            if limit is None or appraisal.cost <= limit:
                candidates.append(Candidate(each, appraisal.quality, appraisal.cost))
        return candidates

    def _rank(self, pool: str) -> int:
        return TIERS.index(self._spec.pools[pool].tier)
