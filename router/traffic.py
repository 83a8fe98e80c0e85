"""What a gateway learns from its own traffic: token rates of replicas, lengths of answers, share of spills."""

from __future__ import annotations

from cluster.load import generation_rate
from cluster.state import FleetState, ReplicaState
from router.types import RoutingDecision, RoutingState

RATE_WEIGHT = 0.3
"""Weight of the newest pair of reports in a replica's rate."""
ANSWER_WEIGHT = 0.05
"""Weight of the newest answer in a pool's mean length."""
SPILL_WEIGHT = 0.01
"""Weight of the newest decision in the share of spills; about the last hundred decisions count."""


class Traffic:
    """Running means of a gateway's traffic. Decisions read them through `state`."""

    def __init__(self) -> None:
        self._reports: dict[str, ReplicaState] = {}
        self._tokens_per_s: dict[str, float] = {}
        self._answer_tokens: dict[str, float] = {}
        self._spill_share = 0.0

    def state(self, cost_lambda: float | None) -> RoutingState:
        """Return a snapshot for a decision."""
        return RoutingState(cost_lambda, self._spill_share, self._tokens_per_s, self._answer_tokens)

    def see(self, fleet: FleetState) -> None:
        """Measure rates between the previous reports and these."""
        reports = {replica.replica_id: replica for pool in fleet.values() for replica in pool.replicas}
        rates = {}
        for name, report in reports.items():
            rate = self._rate(self._reports.get(name), report)
            if rate is not None:
                rates[name] = rate
        self._reports, self._tokens_per_s = reports, rates

    def decided(self, decision: RoutingDecision) -> None:
        """Count a decision that the router was free to make."""
        self._spill_share += SPILL_WEIGHT * (decision.spilled_up - self._spill_share)

    def answered(self, pool: str, completion_tokens: int) -> None:
        """Count an answer's tokens."""
        mean = self._answer_tokens.get(pool, float(completion_tokens))
        self._answer_tokens = {**self._answer_tokens, pool: mean + ANSWER_WEIGHT * (completion_tokens - mean)}

    def _rate(self, earlier: ReplicaState | None, later: ReplicaState) -> float | None:
        """Return the tokens per second of a replica. An idle one keeps its last rate, since idling shows no speed."""
        known = self._tokens_per_s.get(later.replica_id)
        rate = generation_rate(earlier, later) if earlier else None
        if rate is None or (rate == 0 and not later.running):
            return known
        return rate if known is None else known + RATE_WEIGHT * (rate - known)
