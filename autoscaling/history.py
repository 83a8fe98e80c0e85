"""What a planner remembers of one pool from look to look."""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field

from autoscaling.demand import DemandHistory
from autoscaling.lateness import LatenessTable, lateness_mix
from autoscaling.reading import Reading
from autoscaling.speed import SpeedTable
from cluster.state import ReplicaState

HELD_MEMORY = 0.95
"""Weight of the looks so far, against the newest one, in the KV cache that a running request holds."""
BLAME_S = 60.0
"""How long work may be what answers are late for: a queue and an answer take about that."""
STEADY = 2.0
"""Ratio of the most to the least work in that time up to which it is one amount of work."""
BEGINNING_S = 600.0
"""Time in which a pool grows from nothing to its load: late answers then say nothing of what replicas can do."""
LOOK_GAP_S = 10.0
"""After such a silence nothing is known of what was given meanwhile."""
PREEMPTED_S = 10.0
"""How long a preemption counts as lately."""


@dataclass
class PoolMemory:
    """History of a pool and what was learned of it. `look` fills it, once for each believable reading."""

    demand: DemandHistory = field(default_factory=DemandHistory)
    speed: SpeedTable = field(default_factory=SpeedTable)
    lateness: LatenessTable = field(default_factory=LatenessTable)
    held_tokens: float = 0.0
    """KV cache that a running request holds on average; 0 before anything ran."""
    busy_s: float | None = None
    """When the pool last had a request, or had none because it was waking. None: it was always asleep."""
    _looked_s: float | None = None
    _work: deque[tuple[float, float]] = field(default_factory=deque)
    _excess_s: float = -math.inf
    _blamed: float = 0.0
    _known_s: float = 0.0
    _reports: dict[str, ReplicaState] = field(default_factory=dict)
    _preemptions: deque[tuple[float, int]] = field(default_factory=deque)
    _starts: deque[tuple[float, int]] = field(default_factory=deque)

    def look(self, reading: Reading, now_s: float) -> None:
        """Learn from a reading."""
        self.demand.add(reading.signals, now_s)
        self._learn_speed(reading, now_s)
        self._learn_held(reading.replicas)
        self._follow_starts(reading.signals.starting, now_s)
        # A pool that wakes is not idle yet, however long its first replica takes.
        awakes = reading.signals.target > 0 and (self.busy_s is None or not reading.signals.ready)
        if awakes or reading.ongoing or reading.signals.arrivals_per_s > 0:
            self.busy_s = now_s

    @property
    def preempted(self) -> int:
        """Requests preempted lately."""
        return sum(count for _, count in self._preemptions)

    def starts(self, now_s: float, cold_start_s: float) -> Sequence[tuple[float, int]]:
        """Replicas that start: seconds until they are expected to serve, and how many."""
        return [(max(0.0, asked_s + cold_start_s - now_s), count) for asked_s, count in self._starts]

    def _learn_speed(self, reading: Reading, now_s: float) -> None:
        while self._preemptions and self._preemptions[0][0] <= now_s - PREEMPTED_S:
            self._preemptions.popleft()
        for now in reading.replicas:
            if before := self._reports.get(now.replica_id):
                self.speed.add(before, now, reading.signals.prompt_tokens, reading.signals.answer_tokens)
                if (preempted := now.preemptions_total - before.preemptions_total) > 0:
                    self._preemptions.append((now_s, preempted))
        self._reports = {replica.replica_id: replica for replica in reading.replicas}

    def learn_lateness(self, reading: Reading, now_s: float, *, excess: bool) -> None:
        """Set the answers that ended against the work that each replica was given meanwhile, other pools' requests
        included.

        While that changes much nobody can say what work an answer was made under: late ones count against the most of
        the last minute, the others tell nothing. What was too much and is still being worked off counts against the
        most since it began.

        Args:
            excess: whether there are more requests than healthy batches hold.
        """
        signals, since_s = reading.signals, now_s - (self._looked_s or now_s)
        self._looked_s = now_s
        if not reading.replicas or since_s > LOOK_GAP_S:
            self._work.clear()
            return
        self._known_s += since_s
        tokens_per_s = signals.taken_per_s * signals.answer_tokens
        work = tokens_per_s * lateness_mix(signals.prompt_tokens, signals.answer_tokens) / signals.ready
        self._work.append((now_s, work))
        while self._work[0][0] <= now_s - BLAME_S:
            self._work.popleft()
        amounts = [each for _, each in self._work]
        self._excess_s = now_s if excess else self._excess_s
        self._blamed = max(self._blamed, *amounts) if now_s - self._excess_s <= BLAME_S else 0.0
        answers = signals.answers_per_s * since_s
        self.lateness.fade(since_s)
        if now_s - self._work[0][0] >= BLAME_S / 2 and max(amounts) <= STEADY * min(amounts):
            self.lateness.add(self._blamed or work, answers, signals.late_ratio)
        elif self._known_s > BEGINNING_S:
            self.lateness.add(max(self._blamed, *amounts), answers * signals.late_ratio, 1.0)

    def _learn_held(self, replicas: Sequence[ReplicaState]) -> None:
        if running := sum(replica.running for replica in replicas):
            held = sum(replica.kv_usage_ratio * replica.kv_capacity_tokens for replica in replicas) / running
            self.held_tokens += (1 - HELD_MEMORY if self.held_tokens else 1.0) * (held - self.held_tokens)

    def _follow_starts(self, starting: int, now_s: float) -> None:
        """Keep when those that start were asked for; the oldest arrive first."""
        known = sum(count for _, count in self._starts)
        if starting > known:
            self._starts.append((now_s, starting - known))
        gone = known - starting
        while gone > 0:
            asked_s, count = self._starts.popleft()
            if count > gone:
                self._starts.appendleft((asked_s, count - gone))
            gone -= count
