"""What can be believed of a pool's signals: a reading, or the reason to hold still."""

from __future__ import annotations

from dataclasses import dataclass, replace

from autoscaling.types import PoolSignals
from cluster.state import STALE_AFTER_S, ReplicaState

AHEAD_S = 1.0
"""Clocks of nodes differ by less; a time stamp further in the future is wrong."""
MOST = 1e15
"""No count, rate or time is greater. Unix seconds are 2e9."""
QUORUM = 0.9
"""Share of replicas whose reports must be believable. Below it nothing is decided: a few silent replicas of a large
pool are no reason to stop serving the rest, one of three is."""


@dataclass(frozen=True)
class Reading:
    """A pool's signals, checked."""

    signals: PoolSignals
    replicas: tuple[ReplicaState, ...]
    """Those whose reports can be believed."""

    @property
    def silent(self) -> int:
        """Replicas that serve and whose reports cannot be believed."""
        return len(self.signals.replicas) - len(self.replicas)

    @property
    def ongoing(self) -> int:
        """Requests that wait or run, those that the gateway holds included."""
        return self.signals.held + sum(replica.ongoing for replica in self.replicas)


def read_pool(signals: PoolSignals, now_s: float) -> Reading | str:
    """The believable part of what a pool says, or in words why nothing can be decided on it. Raises nothing."""
    if not _is_amount(now_s):
        return f"the clock says {now_s!r:.20}"
    numbers = {
        "target": signals.target,
        "held": signals.held,
        "arrivals_per_s": signals.arrivals_per_s,
        "prompt_tokens": signals.prompt_tokens,
        "answer_tokens": signals.answer_tokens,
        "answers_per_s": signals.answers_per_s,
        "late_ratio": signals.late_ratio,
        "taken_per_s": signals.taken_per_s,
        "cold_start_s": signals.cold_start_s,
    }
    for name, value in numbers.items():
        if not _is_amount(value):
            return f"{name} is {value!r:.20}"
    if wrong := _wrong_time(signals.demand_as_of_s, now_s):
        return f"the gateway's demand {wrong}"
    wrongs = [(replica, _wrong_report(replica, now_s)) for replica in signals.replicas]
    good = tuple(replica for replica, wrong in wrongs if not wrong)
    if len(good) < QUORUM * len(wrongs):
        replica, wrong = next((replica, wrong) for replica, wrong in wrongs if wrong)
        return f"{len(wrongs) - len(good)} of {len(wrongs)} reports are not to be used: {replica.replica_id} {wrong}"
    if signals.answer_tokens < 1:  # an answer has a token: less is no mean of answers
        signals = replace(signals, prompt_tokens=0.0, answer_tokens=0.0)
    return Reading(signals, good)


def _is_amount(value: object) -> bool:
    """A number that is not negative; NaN, infinity, None and text are none."""
    return isinstance(value, int | float) and 0 <= value <= MOST


def _wrong_time(as_of_s: float, now_s: float) -> str:
    if not _is_amount(as_of_s):
        return f"has the time {as_of_s!r:.20}"
    if as_of_s > now_s + AHEAD_S:
        return f"is {as_of_s - now_s:.0f} s in the future"
    if as_of_s < now_s - STALE_AFTER_S:
        return f"is {now_s - as_of_s:.0f} s old" if as_of_s else "was never told"
    return ""


def _wrong_report(replica: ReplicaState, now_s: float) -> str:
    """What is wrong with a report, empty when nothing is."""
    if wrong := _wrong_time(replica.as_of_s, now_s):
        return wrong
    for name in ("waiting", "running", "kv_capacity_tokens", "preemptions_total", "generated_tokens_total"):
        if not _is_amount(value := getattr(replica, name)):
            return f"says {name} {value!r:.20}"
    if not (_is_amount(replica.kv_usage_ratio) and replica.kv_usage_ratio <= 1.05):
        return f"says kv_usage_ratio {replica.kv_usage_ratio!r:.20}"
    return ""
