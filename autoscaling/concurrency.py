"""How many requests run at once, on average and at most: the arithmetic behind the demand signal.

A replica that has to generate d tokens per second, and gives each of its R requests a token every a + b R seconds,
settles at

    d = R / (a + b R)        so        R = d a / (1 - u),        u = d b

(Little's law for processor sharing; a batch shares its replica's steps). Random arrivals move R around that point.
Answers end at the rate R / (a + b R) per token of an answer, which changes with R by (1 - u) / life. Noise of size d
against this pull leaves a variance of R / (1 - u) (van Kampen's linear noise approximation). N replicas that share a
load also share its variance: each has the N-th part.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from statistics import NormalDist

from autoscaling.demand_history import Demand
from autoscaling.speed import Speed, prompt_mix

MOST_UTILISATION = 0.95
"""Highest planned mean load, as a share of the highest possible rate. Queues grow without bound above it."""
SLOWEST_STEP = 2.0
"""If a model alone takes longer than half the TPOT target, its target is this many times its own time: no batch would
meet the spec's target."""
KV_CACHE = "its KV cache"
"""Name of the KV cache's limit in `Limits.most_running`."""


@dataclass(frozen=True)
class Limits:
    """What one replica may hold at once."""

    tpot_s: float
    """Longest time per token."""
    slots: float = math.inf
    """Requests in the engine's batch."""
    kv_tokens: float = math.inf
    """Tokens of KV cache that may be filled."""
    held_tokens: float = 0.0
    """Tokens of KV cache that a running request holds on average; 0 if unknown."""
    usual_running: float = 1.0
    """Requests that a replica is trusted with before it has run more."""

    def most_running(self, speed: Speed, mix: float) -> tuple[float, str]:
        """Requests that a replica may run, at least 1, and the limit that sets this number.

        Args:
            mix: `prompt_mix` of the traffic.
        """
        tpot_s = max(self.tpot_s, SLOWEST_STEP * speed.base_s)
        slope_s = speed.per_request_s * mix
        limits = {
            f"TPOT {tpot_s:.3g} s": (tpot_s - speed.base_s) / slope_s if slope_s > 0 else math.inf,
            "its batch": self.slots,
            KV_CACHE: self.kv_tokens / self.held_tokens if self.held_tokens > 0 else math.inf,
            "highest concurrency observed": max(speed.most_work / mix, self.usual_running),
        }
        name = min(limits, key=limits.__getitem__)
        return max(1.0, limits[name]), name


def peak_running(demand: Demand, speed: Speed, replicas: int, certainty: float) -> float:
    """Requests in the batch of each of `replicas` that share a demand: a number that is exceeded only with probability
    1 - `certainty`. inf if the replicas cannot keep up."""
    tokens_per_s = demand.tokens_per_s / replicas
    utilisation = tokens_per_s * speed.per_request_s * prompt_mix(demand.prompt_tokens, demand.answer_tokens)
    if utilisation >= MOST_UTILISATION:
        return math.inf
    running = tokens_per_s * speed.base_s / (1 - utilisation)
    return running + NormalDist().inv_cdf(certainty) * math.sqrt(running / (1 - utilisation) / replicas)


def steady_rate(speed: Speed, running: float, mix: float) -> float:
    """Tokens per second of a replica with a steady batch of `running` requests."""
    return running / (speed.base_s + speed.per_request_s * mix * running) if running > 0 else 0.0
