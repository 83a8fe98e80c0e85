"""What scaling policies see and what they decide. Times are Unix seconds, rates are per second."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

from cluster.state import ReplicaState


@dataclass(frozen=True)
class PoolSignals:
    """One pool as a policy sees it at one moment."""

    pool: str
    target: int
    """Replicas last asked for: those that serve, start or wait for a node."""
    replicas: tuple[ReplicaState, ...] = ()
    """Newest reports of the replicas that serve; each says itself how old it is."""
    held: int = 0
    """Requests that the gateway holds because the pool has no replica that takes them."""
    arrivals_per_s: float = 0.0
    """Requests that are demand of the pool, mean over the gateway's window: those that other pools answer for want of
    room here count, those that it answers for others do not."""
    prompt_tokens: float = 0.0
    """Mean prompt of recent requests; 0 where none came."""
    answer_tokens: float = 0.0
    """Mean answer of recent requests; 0 where none came."""
    answers_per_s: float = 0.0
    """Answers that ended, mean over the window."""
    late_ratio: float = 0.0
    """Share of them that missed `ttft_target_s` or `tpot_target_s`."""
    taken_per_s: float = 0.0
    """Requests sent to the pool, whichever pool's demand they were."""
    demand_as_of_s: float = 0.0
    """When the gateway said the seven above."""
    cold_start_s: float = 0.0
    """From asking for a replica to its first answer, newest measurement; 0 where nothing is known."""

    @property
    def ready(self) -> int:
        """Replicas that serve."""
        return len(self.replicas)

    @property
    def starting(self) -> int:
        """Replicas that were asked for and do not serve yet."""
        return max(0, self.target - self.ready)


Signal = Literal[
    "demand", "surge", "forecast", "late", "queue", "kv", "ongoing", "awake", "idle", "budget", "held", "problem"
]
"""What set a pool's size, as one word.

- demand, surge, forecast: the load as it is, at its worst while a replica starts, and as it grows
- late: the work at which answers came late so far
- queue, kv: requests that wait, KV cache that is wanted
- ongoing: the number of requests, while nothing is known of a pool's speed
- awake, idle: one replica because requests came lately, none because none did
- budget: the devices do not go round
- held, problem: the signals cannot be believed, or nothing could be decided: the target stays
"""


@dataclass(frozen=True)
class PoolDecision:
    """How many replicas a pool should have, and why."""

    pool: str
    desired: int
    reason: str
    """One sentence for a reader: the signal that decided, with its numbers."""
    signal: Signal | None = None
    """That signal as one word; None from policies that do not tell."""


class ScalingPolicy(Protocol):
    """Decides for all pools at once, every few seconds.

    It may remember what it saw, but reads no clock and does no I/O: a fresh policy that is shown the same signals at
    the same times decides the same. It never raises on any signals.
    """

    def decide(self, signals: Mapping[str, PoolSignals], now_s: float) -> Mapping[str, PoolDecision]:
        """A decision for each pool in `signals`, within the spec's bounds."""
