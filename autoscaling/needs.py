"""The needs: each signal's number of replicas for a pool, with its reason.

A need is a level, not a step: it counts all replicas, those that start included. So "is one replica fewer healthy?" is
the same question: whether every need is at most that number.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from autoscaling.concurrency import KV_CACHE, peak_running, steady_rate
from autoscaling.lateness import lateness_mix
from autoscaling.outlook import KV_FULL, Load, Outlook
from autoscaling.speed import Speed
from autoscaling.types import Signal
from autoscaling.validation import ValidSignals
from cluster.load import kv_pressure, predicted_wait_s

IDLE_COLD_STARTS = 2.0
"""Cold starts without a request before the last replica of a pool stops: the next request waits for a whole start."""
CHANCE = 0.1
"""Share of the ongoing requests that may exceed the healthy batches by chance, without being a backlog."""
MEDIAN = 0.5
"""Certainty of a load that is already a worst case: chance does not count twice."""
SURGE_LATE = 10.0
"""Tolerated SLO misses at the surge level, as a multiple of those at the usual level: the load seldom reaches it."""


@dataclass(frozen=True)
class Need:
    """Replicas that one signal requests."""

    replicas: int
    reason: str
    signal: Signal


def idle_need(outlook: Outlook) -> Need | None:
    """No replica, once there was no request for long enough. Then no other need counts."""
    if outlook.idle_s is None:
        return Need(0, "idle: no request so far", "idle")
    if outlook.idle_s > max(outlook.scaling.idle_s, IDLE_COLD_STARTS * outlook.cold_start_s):
        return Need(0, f"idle: no request for {outlook.idle_s:.0f} s", "idle")
    return None


# -- needs of the load ------------------------------------------------------------------------------------------------


def ongoing_need(outlook: Outlook) -> Need | None:
    """Replicas by the number of requests alone, while the replicas' speed is unknown."""
    if outlook.speed:
        return None
    ongoing, target = outlook.valid.ongoing, outlook.scaling.target_ongoing
    reason = f"ongoing: {ongoing} requests at {target:g} per replica; the replicas' speed is unknown"
    return Need(math.ceil(ongoing / target), reason, "ongoing")


def demand_need(outlook: Outlook) -> Need | None:
    """Replicas whose batches hold the current load, with headroom for chance."""
    return _batch_need(outlook, "demand", outlook.scaling.attainment_target)


def surge_need(outlook: Outlook) -> Need | None:
    """Replicas whose batches hold the highest load to expect while a replica starts."""
    return _batch_need(outlook, "surge", MEDIAN)


def forecast_need(outlook: Outlook) -> Need | None:
    """Replicas whose batches hold the load if its trend continues."""
    return _batch_need(outlook, "forecast", outlook.scaling.attainment_target)


def late_demand_need(outlook: Outlook) -> Need | None:
    """Replicas that have answered as much work as the current load in time so far."""
    return _lateness_need(outlook, "demand", outlook.scaling.attainment_target)


def late_surge_need(outlook: Outlook) -> Need | None:
    """The same for the surge, with more SLO misses tolerated."""
    tolerant = max(MEDIAN, 1 - SURGE_LATE * (1 - outlook.scaling.attainment_target))
    return _lateness_need(outlook, "surge", tolerant)


def late_forecast_need(outlook: Outlook) -> Need | None:
    """The same for the forecast."""
    return _lateness_need(outlook, "forecast", outlook.scaling.attainment_target)


def _batch_need(outlook: Outlook, load: Load, certainty: float) -> Need | None:
    """Replicas whose healthy batches hold a load with the probability `certainty`; MEDIAN ignores chance."""
    speed, demand = outlook.speed, outlook.loads.get(load)
    if speed is None or demand is None:
        return None
    if demand.tokens_per_s <= 0:
        return Need(0, f"{load}: no requests arrive", load)
    allowed, limit = outlook.healthy_batch

    def fits(replicas: int) -> bool:
        return peak_running(demand, speed, replicas, certainty) <= allowed

    return Need(
        min(outlook.most, 1 + bisect_left(range(1, outlook.most + 1), True, key=fits)),
        f"{_scarce(limit)}{load}: {demand.requests_per_s:.3g} requests/s of {demand.prompt_tokens:.0f} + "
        f"{demand.answer_tokens:.0f} tokens; a replica runs {allowed:.3g} at a time (limit: {limit})",
        "kv" if limit == KV_CACHE else load,
    )


def _lateness_need(outlook: Outlook, load: Load, certainty: float) -> Need | None:
    """Replicas that each get no more work than replicas have answered with at most 1 - `certainty` SLO misses."""
    speed, demand = outlook.speed, outlook.loads.get(load)
    if speed is None or demand is None:
        return None
    mix = lateness_mix(demand.prompt_tokens, demand.answer_tokens)
    allowed, _ = outlook.healthy_batch
    healthy = outlook.lateness.healthy_work(mix * steady_rate(speed, allowed, outlook.mix), 1 - certainty)
    if healthy == math.inf:
        return Need(0, "late: answers meet the SLO", "late")
    work = demand.tokens_per_s * mix
    return Need(
        min(outlook.most, math.ceil(work / healthy)),
        f"late: {load} of {demand.requests_per_s:.3g} requests/s is {work:.3g} tokens of work per second; above "
        f"{healthy:.3g} per replica more than {1 - certainty:.2g} of the answers missed the SLO",
        "late",
    )


def _scarce(limit: str) -> str:
    """How a reason begins if the KV cache limits a batch."""
    return "KV: " if limit == KV_CACHE else ""


# -- needs of what is wrong now ----------------------------------------------------------------------------------------


def backlog_need(outlook: Outlook) -> Need | None:
    """Replicas that work off the part of the backlog that remains when a new replica serves.

    The backlog is the number of ongoing requests beyond healthy batches, held requests included. It counts once the
    predicted wait exceeds its target, or the number exceeds what chance explains. Serving and starting replicas work at
    it and at new arrivals until `drain_s` after a new replica would serve; new replicas are for the rest.
    """
    speed, valid = outlook.speed, outlook.valid
    if speed is None:
        return None
    allowed, limit = outlook.healthy_batch
    excess = valid.ongoing - allowed * valid.signals.ready
    wait_s = _wait_s(outlook, speed)
    if excess <= 0 or (wait_s <= outlook.scaling.ttft_target_s and not is_excess(valid, allowed)):
        return Need(0, "queue: no backlog", "queue")
    waiting = valid.demand.held + sum(replica.waiting for replica in valid.replicas)
    found = (
        f"{_scarce(limit)}queue: {waiting} waiting (predicted {wait_s:.3g} s), "
        f"{excess:.0f} requests too many for healthy batches"
    )
    signal: Signal = "kv" if limit == KV_CACHE else "queue"
    rate = steady_rate(speed, allowed, outlook.mix)
    left = _left_tokens(outlook, excess, rate)
    target = valid.signals.target
    if left <= 0:
        return Need(target, f"{found}; cleared before a new replica would serve", signal)
    more = math.ceil(left / (rate * outlook.scaling.drain_s))
    return Need(target + more, f"{found}; {left:.0f} tokens of it left when a new replica serves", signal)


def _left_tokens(outlook: Outlook, excess: float, rate: float) -> float:
    """Tokens of a backlog that present replicas leave to new ones; negative if they have time to spare.

    Args:
        excess: requests of the backlog.
        rate: tokens per second of one replica.
    """
    horizon_s = outlook.cold_start_s + outlook.scaling.drain_s
    replica_s = outlook.valid.signals.ready * horizon_s
    replica_s += sum(count * max(0.0, horizon_s - eta_s) for eta_s, count in outlook.starts)
    return excess * outlook.level.answer_tokens + outlook.level.tokens_per_s * horizon_s - rate * replica_s


def is_excess(valid: ValidSignals, allowed: float) -> bool:
    """Whether more requests exceed their replica's healthy batch than chance explains.

    Replicas that started later do not take over requests that wait at others.

    Args:
        allowed: requests in the healthy batch of one replica.
    """
    beyond = valid.demand.held + sum(max(0.0, replica.ongoing - allowed) for replica in valid.replicas)
    return beyond > CHANCE * valid.ongoing


def _wait_s(outlook: Outlook, speed: Speed) -> float:
    """Predicted wait at the least busy replica; inf if requests are held because there is none."""
    replicas = outlook.valid.replicas
    if not replicas:
        return math.inf if outlook.valid.demand.held else 0.0
    rates = [steady_rate(speed, replica.running, outlook.mix) for replica in replicas]
    tokens = outlook.level.answer_tokens
    return min(predicted_wait_s(replica, rate, tokens) for replica, rate in zip(replicas, rates, strict=True))


def kv_need(outlook: Outlook) -> Need:
    """Replicas whose KV caches take what requests hold, what they will hold, and what waiting requests need.

    A batch that holds less per request than usual in the long run (a prompt and half an answer) is young and grows.
    """
    caches = [replica for replica in outlook.valid.replicas if replica.kv_capacity_tokens > 0]
    if not caches:
        return Need(0, "KV: no cache reported", "kv")
    level = outlook.level
    capacity = sum(replica.kv_capacity_tokens for replica in caches)
    needed = sum(kv_pressure(replica) * replica.kv_capacity_tokens for replica in caches)
    usual = sum(replica.ongoing for replica in caches) * (level.prompt_tokens + level.answer_tokens / 2)
    growth = max(0.0, usual - needed) if level.answer_tokens > 0 else 0.0
    return Need(
        math.ceil(len(caches) * (needed + growth) / (KV_FULL * capacity) - 1e-9),
        f"KV: requests need {needed / capacity:.0%} of {len(caches)} replicas' caches, and "
        f"{growth / capacity:.0%} more later; planned usage is {KV_FULL:.0%}",
        "kv",
    )


def preemption_need(outlook: Outlook) -> Need:
    """One replica more than serve, if requests were preempted recently."""
    if not outlook.preempted:
        return Need(0, "KV: no preemptions", "kv")
    reason = f"KV: {outlook.preempted} requests preempted recently for lack of cache"
    return Need(outlook.valid.signals.ready + 1, reason, "kv")


def awake_need(outlook: Outlook) -> Need:
    """One replica, since the pool is not idle."""
    return Need(1, "awake: one replica until the pool is idle", "awake")


NEEDS: Mapping[str, Callable[[Outlook], Need | None]] = {
    "ongoing": ongoing_need,
    "demand": demand_need,
    "late demand": late_demand_need,
    "surge": surge_need,
    "late surge": late_surge_need,
    "forecast": forecast_need,
    "late forecast": late_forecast_need,
    "backlog": backlog_need,
    "kv": kv_need,
    "preemptions": preemption_need,
    "awake": awake_need,
}
"""Needs of a pool that is not idle; the first of equal needs gives the reason. None: the need does not apply."""

STANDBY_COVERS = frozenset({"backlog", "preemptions"})
"""Needs that standby replicas exist for: the standby is not added to them."""


def needs_of(outlook: Outlook) -> dict[str, Need]:
    """Every need that applies."""
    if idle := idle_need(outlook):
        return {"idle": idle}
    return {name: need for name, of in NEEDS.items() if (need := of(outlook))}
