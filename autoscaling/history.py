"""What a planner has learned of one pool, from look to look."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from autoscaling.demand_history import DemandHistory
from autoscaling.lateness import LatenessTable, lateness_mix
from autoscaling.speed import SpeedTable
from autoscaling.validation import ValidSignals
from cluster.state import ReplicaState

HELD_MEMORY = 0.95
"""Weight of earlier looks, against the newest one, in the KV cache that a running request holds."""
BLAME_S = 60.0
"""How long work may cause SLO misses: about the time of a queue and an answer."""
STEADY = 2.0
"""Ratio of the most to the least work in that time up to which it counts as constant."""
BEGINNING_S = 600.0
"""Time in which a pool grows from nothing to its load: SLO misses do not show then what replicas can do."""
LOOK_GAP_S = 10.0
"""After a silence of this length the work in between is unknown."""
PREEMPTED_S = 10.0
"""How long a preemption counts as recent."""


@dataclass
class PoolHistory:
    """History of a pool and what was learned from it. The planner calls `look` once for each set of valid signals."""

    demand: DemandHistory = field(default_factory=DemandHistory)
    speed: SpeedTable = field(default_factory=SpeedTable)
    lateness: LatenessTable = field(default_factory=LatenessTable)
    held_tokens: float = 0.0
    """KV cache that a running request holds on average; 0 before anything ran."""
    busy_s: float | None = None
    """When the pool last had a request, or was starting its first replica. None: never."""
    _looked_s: float | None = None
    _work: deque[tuple[float, float]] = field(default_factory=deque)
    _excess_s: float = -math.inf
    _blamed: float = 0.0
    _known_s: float = 0.0
    _reports: dict[str, ReplicaState] = field(default_factory=dict)
    _preemptions: deque[tuple[float, int]] = field(default_factory=deque)
    _starts: deque[tuple[float, int]] = field(default_factory=deque)

    def look(self, valid: ValidSignals, now_s: float) -> None:
        """Learn from a look at the pool."""
        self.demand.add(valid.demand, now_s)
        self._learn_speed(valid, now_s)
        self._learn_held(valid.replicas)
        self._follow_starts(valid.signals.starting, now_s)
        # A pool whose first replica starts is not idle yet, however long the start takes.
        starts_up = valid.signals.target > 0 and (self.busy_s is None or not valid.signals.ready)
        if starts_up or valid.ongoing or valid.demand.arrivals_per_s > 0:
            self.busy_s = now_s

    @property
    def preempted(self) -> int:
        """Requests preempted in the last PREEMPTED_S."""
        return sum(count for _, count in self._preemptions)

    def starts(self, now_s: float, cold_start_s: float) -> Sequence[tuple[float, int]]:
        """Starting replicas: seconds until they are expected to serve, and how many."""
        return [(max(0.0, requested_s + cold_start_s - now_s), count) for requested_s, count in self._starts]

    def learn_lateness(self, valid: ValidSignals, now_s: float, *, excess: bool) -> None:
        """Set the answers that ended against the work that each replica received meanwhile, requests that are demand of
        other pools included.

        While the work changes much, nobody knows which work an answer was made under: SLO misses count against the most
        work of the last minute, and the other answers do not count. While a backlog is worked off, answers count
        against the most work since the backlog began.

        Args:
            excess: whether there are more requests than healthy batches hold.
        """
        demand, since_s = valid.demand, now_s - (self._looked_s or now_s)
        self._looked_s = now_s
        if not valid.replicas or since_s > LOOK_GAP_S:
            self._work.clear()
            return
        self._known_s += since_s
        tokens_per_s = demand.taken_per_s * demand.answer_tokens
        work = tokens_per_s * lateness_mix(demand.prompt_tokens, demand.answer_tokens) / valid.signals.ready
        self._work.append((now_s, work))
        while self._work[0][0] <= now_s - BLAME_S:
            self._work.popleft()
        amounts = [each for _, each in self._work]
        self._excess_s = now_s if excess else self._excess_s
        self._blamed = max(self._blamed, *amounts) if now_s - self._excess_s <= BLAME_S else 0.0
        answers = demand.answers_per_s * since_s
        self.lateness.fade(since_s)
        if now_s - self._work[0][0] >= BLAME_S / 2 and max(amounts) <= STEADY * min(amounts):
            self.lateness.add(self._blamed or work, answers, demand.late_ratio)
        elif self._known_s > BEGINNING_S:
            self.lateness.add(max(self._blamed, *amounts), answers * demand.late_ratio, 1.0)

    def _learn_speed(self, valid: ValidSignals, now_s: float) -> None:
        while self._preemptions and self._preemptions[0][0] <= now_s - PREEMPTED_S:
            self._preemptions.popleft()
        for now in valid.replicas:
            if before := self._reports.get(now.replica_id):
                self.speed.add(before, now, valid.demand.prompt_tokens, valid.demand.answer_tokens)
                if (preempted := now.preemptions_total - before.preemptions_total) > 0:
                    self._preemptions.append((now_s, preempted))
        self._reports = {replica.replica_id: replica for replica in valid.replicas}

    def _learn_held(self, replicas: Sequence[ReplicaState]) -> None:
        if running := sum(replica.running for replica in replicas):
            held = sum(replica.kv_usage_ratio * replica.kv_capacity_tokens for replica in replicas) / running
            self.held_tokens += (1 - HELD_MEMORY if self.held_tokens else 1.0) * (held - self.held_tokens)

    def _follow_starts(self, starting: int, now_s: float) -> None:
        """Record when starting replicas were requested; the oldest arrive first."""
        known = sum(count for _, count in self._starts)
        if starting > known:
            self._starts.append((now_s, starting - known))
        arrived = known - starting
        while arrived > 0:
            requested_s, count = self._starts.popleft()
            if count > arrived:
                self._starts.appendleft((requested_s, count - arrived))
            arrived -= count
