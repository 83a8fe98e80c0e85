"""The signals: each says how many replicas a pool needs for one of its troubles, and why.

A need is a level, not a step: all replicas are counted, those that start included. So "is one replica fewer healthy?"
is the same question, whether every need is at most that.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Sequence
from dataclasses import dataclass

from autoscaling.concurrency import KV_CACHE, Limits, peak_running, steady_rate
from autoscaling.demand import Demand
from autoscaling.lateness import LatenessTable, lateness_mix
from autoscaling.reading import Reading
from autoscaling.speed import Speed, prompt_mix
from autoscaling.types import Signal
from cluster.load import kv_pressure, predicted_wait_s

KV_FULL = 0.9
"""KV cache usage that is planned for; above, an engine is at the brink of throwing requests out."""
CHANCE = 0.1
"""Share of the ongoing requests that may be too many for the batches by chance, without being a backlog."""


@dataclass(frozen=True)
class Need:
    """Replicas that one signal asks for."""

    replicas: int
    reason: str
    signal: Signal


NAMES: dict[Signal, str] = {
    "demand": "demand",
    "surge": "demand at its worst",
    "forecast": "demand as it grows",
}
"""What the kinds of demand are called in reasons."""


def demand_need(
    demand: Demand, speed: Speed, limits: Limits, certainty: float, most: int, signal: Signal = "demand"
) -> Need:
    """Replicas in whose batches a demand fits.

    Args:
        certainty: probability with which it is to fit in spite of chance; 0.5 leaves chance out.
        most: replicas beyond which the answer does not matter; it is then `most`.
        signal: which demand it is, of NAMES.
    """
    name = NAMES[signal]
    if demand.tokens_per_s <= 0:
        return Need(0, f"{name}: no requests arrive", signal)
    allowed, limit = limits.most_running(speed, prompt_mix(demand.prompt_tokens, demand.answer_tokens))

    def fits(replicas: int) -> bool:
        return peak_running(demand, speed, replicas, certainty) <= allowed

    return Need(
        min(most, 1 + bisect_left(range(1, most + 1), True, key=fits)),
        f"{_scarce(limit)}{name}: {demand.requests_per_s:.3g} requests/s of {demand.prompt_tokens:.0f} + "
        f"{demand.answer_tokens:.0f} tokens; a replica takes {allowed:.3g} at a time ({limit})",
        "kv" if limit == KV_CACHE else signal,
    )


def lateness_need(
    demand: Demand,
    speed: Speed,
    limits: Limits,
    lateness: LatenessTable,
    certainty: float,
    most: int,
    signal: Signal = "demand",
) -> Need:
    """Replicas among which a demand is no more work for each than was answered in time so far. As `demand_need`."""
    speed_mix = prompt_mix(demand.prompt_tokens, demand.answer_tokens)
    mix = lateness_mix(demand.prompt_tokens, demand.answer_tokens)
    allowed, _ = limits.most_running(speed, speed_mix)
    healthy = lateness.healthy_work(mix * steady_rate(speed, allowed, speed_mix), 1 - certainty)
    if healthy == math.inf:
        return Need(0, "late: answers came in time", "late")
    work = demand.tokens_per_s * mix
    return Need(
        min(most, math.ceil(work / healthy)),
        f"late: {NAMES[signal]} of {demand.requests_per_s:.3g} requests/s is {work:.3g} tokens of work a second; "
        f"beyond {healthy:.3g} a replica more than {1 - certainty:.2g} of the answers were late",
        "late",
    )


def _scarce(limit: str) -> str:
    """How a reason begins where the KV cache is what limits a batch."""
    return "KV: " if limit == KV_CACHE else ""


def ongoing_need(reading: Reading, target_ongoing: float) -> Need:
    """Replicas by the number of requests alone, while nothing is known of a pool's speed."""
    needed = math.ceil(reading.ongoing / target_ongoing)
    return Need(
        needed,
        f"ongoing: {reading.ongoing} requests, {target_ongoing:g} a replica, whose speed is not known yet",
        "ongoing",
    )


@dataclass(frozen=True)
class Queue:
    """What the backlog signal weighs."""

    demand: Demand
    speed: Speed
    limits: Limits
    starts: Sequence[tuple[float, int]]
    """Groups of starting replicas: seconds until they serve, and how many they are."""
    cold_start_s: float
    drain_s: float
    """Time for which a new replica works at the backlog."""
    target_wait_s: float

    @property
    def mix(self) -> float:
        """Work per generated token."""
        return prompt_mix(self.demand.prompt_tokens, self.demand.answer_tokens)


def backlog_need(reading: Reading, queue: Queue) -> Need:
    """Replicas that work off what is too much now and would still be there when a new one serves.

    Too much is what is ongoing beyond batches that meet the targets, held requests included, as soon as the predicted
    wait is longer than its target or that is more than chance. Replicas that serve or start work at it and at what
    arrives meanwhile, until `drain_s` after a new one would serve; the rest is what new ones are for.
    """
    allowed, limit = queue.limits.most_running(queue.speed, queue.mix)
    excess = reading.ongoing - allowed * reading.signals.ready
    wait_s = _wait_s(reading, queue)
    if excess <= 0 or (wait_s <= queue.target_wait_s and not is_excess(reading, allowed)):
        return Need(0, "queue: no backlog", "queue")
    waiting = reading.signals.held + sum(replica.waiting for replica in reading.replicas)
    found = (
        f"{_scarce(limit)}queue: {waiting} waiting (predicted {wait_s:.3g} s), "
        f"{excess:.0f} requests too many for healthy batches"
    )
    signal: Signal = "kv" if limit == KV_CACHE else "queue"
    rate = steady_rate(queue.speed, allowed, queue.mix)
    horizon_s = queue.cold_start_s + queue.drain_s
    replica_s = reading.signals.ready * horizon_s + sum(n * max(0.0, horizon_s - eta_s) for eta_s, n in queue.starts)
    left = excess * queue.demand.answer_tokens + queue.demand.tokens_per_s * horizon_s - rate * replica_s
    target = reading.signals.target
    if left <= 0:
        return Need(target, f"{found}; worked off before a new replica would serve", signal)
    more = math.ceil(left / (rate * queue.drain_s))
    return Need(target + more, f"{found}; {left:.0f} tokens of it left when a new replica serves", signal)


def is_excess(reading: Reading, allowed: float) -> bool:
    """Whether more requests than by chance are beyond the healthy batch of the replica that has them.

    Replicas that came late do not take over what waits at the others.

    Args:
        allowed: requests in the healthy batch of one replica.
    """
    beyond = reading.signals.held + sum(max(0.0, replica.ongoing - allowed) for replica in reading.replicas)
    return beyond > CHANCE * reading.ongoing


def _wait_s(reading: Reading, queue: Queue) -> float:
    """Predicted wait at the least busy replica; inf where requests are held because there is none."""
    if not reading.replicas:
        return math.inf if reading.signals.held else 0.0
    rates = [steady_rate(queue.speed, replica.running, queue.mix) for replica in reading.replicas]
    tokens = queue.demand.answer_tokens
    return min(predicted_wait_s(replica, rate, tokens) for replica, rate in zip(reading.replicas, rates, strict=True))


def kv_need(reading: Reading, demand: Demand) -> Need:
    """Replicas whose KV caches take what requests hold, what they will hold, and what those want that wait.

    A batch that holds less per request than is usual in the long run (a prompt and half an answer) is young and grows.
    """
    caches = [replica for replica in reading.replicas if replica.kv_capacity_tokens > 0]
    if not caches:
        return Need(0, "KV: no cache reported", "kv")
    capacity = sum(replica.kv_capacity_tokens for replica in caches)
    wanted = sum(kv_pressure(replica) * replica.kv_capacity_tokens for replica in caches)
    usual = sum(replica.ongoing for replica in caches) * (demand.prompt_tokens + demand.answer_tokens / 2)
    growth = max(0.0, usual - wanted) if demand.answer_tokens > 0 else 0.0
    return Need(
        math.ceil(len(caches) * (wanted + growth) / (KV_FULL * capacity) - 1e-9),
        f"KV: requests want {wanted / capacity:.0%} of {len(caches)} replicas' caches and {growth / capacity:.0%} more "
        f"to come; {KV_FULL:.0%} is to be filled",
        "kv",
    )


def preemption_need(reading: Reading, preempted: int) -> Need:
    """One replica more than serve, where requests were thrown out of a batch lately."""
    if not preempted:
        return Need(0, "KV: no preemptions", "kv")
    return Need(reading.signals.ready + 1, f"KV: {preempted} requests preempted lately for lack of cache", "kv")
