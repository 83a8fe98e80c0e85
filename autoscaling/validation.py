"""Which of a pool's signals are valid, or the reason to keep its target."""

from __future__ import annotations

from dataclasses import dataclass, replace

from autoscaling.types import PoolDemand, PoolSignals
from cluster.state import STALE_AFTER_S, ReplicaState

AHEAD_S = 1.0
"""Clocks of nodes differ by less; a timestamp further in the future is wrong."""
MOST = 1e15
"""No count, rate or time is larger. Unix seconds are 2e9."""
QUORUM = 0.9
"""Share of replicas whose reports must be valid. Below it nothing is decided. A few silent replicas of a large pool are
no reason to stop scaling it; one of three is."""


@dataclass(frozen=True)
class ValidSignals:
    """A pool's signals after the checks."""

    signals: PoolSignals
    replicas: tuple[ReplicaState, ...]
    """Replicas whose reports are valid."""

    @property
    def demand(self) -> PoolDemand:
        """What the gateways measured."""
        return self.signals.demand

    @property
    def silent(self) -> int:
        """Replicas that serve and whose reports are not valid."""
        return len(self.signals.replicas) - len(self.replicas)

    @property
    def ongoing(self) -> int:
        """Requests that wait or run, including those that the gateways hold."""
        return self.demand.held + sum(replica.ongoing for replica in self.replicas)


def validated(signals: PoolSignals, now_s: float) -> ValidSignals | str:
    """The valid part of a pool's signals, or the reason why nothing can be decided. Raises nothing."""
    if not _is_amount(now_s):
        return f"the clock is {now_s!r:.20}"
    numbers = {"target": signals.target, **vars(signals.demand), "cold_start_s": signals.cold_start_s}
    for name, value in numbers.items():
        if not _is_amount(value):
            return f"{name} is {value!r:.20}"
    if problem := _time_problem(signals.demand_as_of_s, now_s):
        return f"the gateway's demand {problem}"
    problems = [(replica, _report_problem(replica, now_s)) for replica in signals.replicas]
    valid = tuple(replica for replica, problem in problems if not problem)
    if len(valid) < QUORUM * len(problems):
        replica, problem = next((replica, problem) for replica, problem in problems if problem)
        return f"{len(problems) - len(valid)} of {len(problems)} reports are invalid: {replica.replica_id} {problem}"
    if signals.demand.answer_tokens < 1:  # an answer has at least one token: less is not a mean of answers
        signals = replace(signals, demand=replace(signals.demand, prompt_tokens=0.0, answer_tokens=0.0))
    return ValidSignals(signals, valid)


def _is_amount(value: object) -> bool:
    """A number that is not negative; NaN, infinity, None and text are not."""
    return isinstance(value, int | float) and 0 <= value <= MOST


def _time_problem(as_of_s: float, now_s: float) -> str:
    if not _is_amount(as_of_s):
        return f"has the time {as_of_s!r:.20}"
    if as_of_s > now_s + AHEAD_S:
        return f"is {as_of_s - now_s:.0f} s in the future"
    if as_of_s < now_s - STALE_AFTER_S:
        return f"is {now_s - as_of_s:.0f} s old" if as_of_s else "was never reported"
    return ""


def _report_problem(replica: ReplicaState, now_s: float) -> str:
    """What is wrong with a report; empty if it is valid."""
    if problem := _time_problem(replica.as_of_s, now_s):
        return problem
    for name in ("waiting", "running", "kv_capacity_tokens", "preemptions_total", "generated_tokens_total"):
        if not _is_amount(value := getattr(replica, name)):
            return f"reports {name} {value!r:.20}"
    if not (_is_amount(replica.kv_usage_ratio) and replica.kv_usage_ratio <= 1.05):
        return f"reports kv_usage_ratio {replica.kv_usage_ratio!r:.20}"
    return ""
