"""What a gateway learns of its own traffic between decisions: rates of replicas, lengths of answers, spilling."""

from __future__ import annotations

from cluster.load import generation_rate
from cluster.state import FleetState, ReplicaState
from router.types import RoutingDecision, RoutingState

RATE_WEIGHT = 0.3
"""Weight of the newest pair of reports in a replica's rate."""
ANSWER_WEIGHT = 0.05
"""Weight of the newest answer in a pool's mean length."""
SPILL_WEIGHT = 0.01
"""Weight of the newest decision in the share of spills: about the last hundred count."""


class Traffic:
    """Running means; `state` is what decisions read."""

    def __init__(self) -> None:
        self._reports: dict[str, ReplicaState] = {}
        self._tokens_per_s: dict[str, float] = {}
        self._answer_tokens: dict[str, float] = {}
        self._spill_share = 0.0

    def state(self, cost_lambda: float | None) -> RoutingState:
        """A snapshot for a decision."""
        return RoutingState(cost_lambda, self._spill_share, self._tokens_per_s, self._answer_tokens)

    def see(self, fleet: FleetState) -> None:
        """Measure rates between the last reports and these."""
        reports = {replica.replica_id: replica for pool in fleet.values() for replica in pool.replicas}
        rates = {}
        for name, report in reports.items():
            rate = self._rate(self._reports.get(name), report)
            if rate is not None:
                rates[name] = rate
        self._reports, self._tokens_per_s = reports, rates

    def decided(self, decision: RoutingDecision) -> None:
        """Count a decision of the router's own choice."""
        self._spill_share += SPILL_WEIGHT * (decision.spilled_up - self._spill_share)

    def answered(self, pool: str, completion_tokens: int) -> None:
        """Count an answer's tokens."""
        mean = self._answer_tokens.get(pool, float(completion_tokens))
        self._answer_tokens = {**self._answer_tokens, pool: mean + ANSWER_WEIGHT * (completion_tokens - mean)}

    def _rate(self, earlier: ReplicaState | None, later: ReplicaState) -> float | None:
        """Tokens per second when there is work; what an idle replica does says nothing of what it can do."""
        known = self._tokens_per_s.get(later.replica_id)
        rate = generation_rate(earlier, later) if earlier else None
        if rate is None or (rate == 0 and not later.running):
            return known
        return rate if known is None else known + RATE_WEIGHT * (rate - known)
