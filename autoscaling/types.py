"""What scaling policies see and what they decide. Times are Unix seconds, rates are per second."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol

from cluster.state import ReplicaState


@dataclass(frozen=True)
class PoolDemand:
    """Demand for one pool as gateways measure it: means over the window of `autoscaling.demand_window`."""

    arrivals_per_s: float = 0.0
    """Requests that are demand of the pool. Requests that spill to other pools count here; requests that spill to this
    pool do not."""
    prompt_tokens: float = 0.0
    """Mean prompt of the window's requests; 0 without any."""
    answer_tokens: float = 0.0
    """Mean length of the answers that ended in the window; 0 without any."""
    answers_per_s: float = 0.0
    """Answers that ended."""
    late_ratio: float = 0.0
    """Share of these answers that missed `ttft_target_s` or `tpot_target_s`."""
    taken_per_s: float = 0.0
    """Requests sent to the pool, including requests that are demand of other pools."""
    held: int = 0
    """Requests that gateways hold because the pool has no ready replica."""


@dataclass(frozen=True)
class PoolSignals:
    """One pool as a policy sees it at one moment."""

    pool: str
    target: int
    """Replicas last requested: those that serve, start or wait for a node."""
    replicas: tuple[ReplicaState, ...] = ()
    """Newest reports of the replicas that serve; each has its own timestamp."""
    demand: PoolDemand = PoolDemand()
    demand_as_of_s: float = 0.0
    """When the gateways measured the demand."""
    cold_start_s: float = 0.0
    """Time from the request for a replica to its first answer, newest measurement; 0 if unknown."""

    @property
    def ready(self) -> int:
        """Replicas that serve."""
        return len(self.replicas)

    @property
    def starting(self) -> int:
        """Replicas that were requested and do not serve yet."""
        return max(0, self.target - self.ready)


Signal = Literal[
    "demand", "surge", "forecast", "late", "queue", "kv", "ongoing", "awake", "idle", "budget", "held", "problem"
]
"""The signal that set a pool's size, as one word.

- demand, surge, forecast: the current load, the highest load while a replica starts, the load if its trend continues
- late: the work at which answers have missed the SLO so far
- queue, kv: waiting requests, KV cache that requests need
- ongoing: the number of requests, while the speed of the pool's replicas is unknown
- awake, idle: one replica because of recent requests, none because there were no recent requests
- budget: there are not enough devices
- held, problem: the signals are invalid, or the policy failed: the target stays
"""


@dataclass(frozen=True)
class PoolDecision:
    """How many replicas a pool should have, and why."""

    pool: str
    desired: int
    reason: str
    """One sentence for a reader: the signal that decided, with its numbers."""
    signal: Signal | None = None
    """That signal as one word; None from policies that do not report one."""


class ScalingPolicy(Protocol):
    """Decides for all pools at once, every few seconds.

    A policy may keep what it has seen, but it reads no clock and does no I/O: a new policy that sees the same signals
    at the same times makes the same decisions. It never raises, whatever the signals are.
    """

    def decide(self, signals: Mapping[str, PoolSignals], now_s: float) -> Mapping[str, PoolDecision]:
        """A decision for each pool in `signals`, within the spec's bounds."""
