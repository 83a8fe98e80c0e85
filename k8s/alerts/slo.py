"""Error budgets: how fast the fleet spends the share of requests that may miss an objective.

Multiwindow, multi-burn-rate alerts as in Google's SRE Workbook, chapter 5, "Alerting on SLOs", table 5-8
(https://sre.google/workbook/alerting-on-slos/). The long window says that it matters, the short one that it still
goes on, so that an alert ends soon after its cause. A burn rate of 1 spends a 30-day budget in 30 days.
"""

from __future__ import annotations

from dataclasses import dataclass

from cluster.spec import FleetSpec
from k8s.alerts.rules import FLEETS, Alert, Record


@dataclass(frozen=True)
class Burn:
    """A burn rate that must hold over both windows."""

    rate: float
    long: str
    short: str


FAST = (Burn(14.4, "1h", "5m"), Burn(6.0, "6h", "30m"))
"""2% of a 30-day budget in an hour, 5% in six: somebody is woken."""
SLOW = (Burn(1.0, "3d", "6h"),)
"""10% of the budget in three days: somebody looks at it in the day."""
WINDOWS = tuple(dict.fromkeys(window for burn in (*FAST, *SLOW) for window in (burn.short, burn.long)))
MOST = 0.9
"""A target so low that a burn rate would need more than all requests to miss it is alerted on at this share."""


@dataclass(frozen=True)
class Objective:
    """What an answer owes, by the `objective` label of `signalbox_slo_missed`."""

    label: str
    alert: str
    """The middle of its alerts' names."""
    owed: str
    """What the share of answers gets, in words."""
    runbook: str


def objectives(spec: FleetSpec) -> tuple[Objective, ...]:
    """The fleet's objectives with the spec's targets in words."""
    scaling = spec.scaling
    return (
        Objective(
            "error",
            "Availability",
            "an answer without an error",
            "Reliability dashboard: which pool fails, and with which status? Then the logs of that pool's replicas.",
        ),
        Objective(
            "ttft",
            "Ttft",
            f"a first token within {scaling.ttft_target_s:g} s",
            "Autoscaling dashboard: is a pool short of replicas (desired above ready), or at its maximum?",
        ),
        Objective(
            "tpot",
            "Tpot",
            f"at most {scaling.tpot_target_s:g} s per token",
            "Pools dashboard: batches too large (running), KV pressure above 1, or preemptions?",
        ),
    )


def missed_ratio(window: str) -> str:
    """Name of the recorded share of answers that missed an objective (label `objective`) in a window."""
    return f"signalbox:slo_missed:ratio_rate{window}"


def slo_records(spec: FleetSpec) -> list[Record]:
    """The share of answers that missed each objective, over every window that alerts look at."""
    return [
        Record(missed_ratio(window), _missed(objective.label, window), (("objective", objective.label),))
        for window in WINDOWS
        for objective in objectives(spec)
    ]


def _missed(objective: str, window: str) -> str:
    missed = FLEETS.increase("signalbox_slo_missed", window, where=f'objective="{objective}"')
    return FLEETS.share(missed, FLEETS.increase("signalbox_slo_answers", window))


def slo_alerts(spec: FleetSpec) -> list[Alert]:
    """A fast and a slow alert for each objective."""
    target = spec.scaling.attainment_target
    return [alert for objective in objectives(spec) for alert in _alerts(objective, target)]


def _alerts(objective: Objective, target: float) -> tuple[Alert, Alert]:
    owed = f"{target:.4g} of all answers are owed {objective.owed}"
    measured = "now {{ $value | humanizePercentage }} of them miss it"
    fast = Alert(
        name=f"Signalbox{objective.alert}BurnsFast",
        expr=_burning(objective, FAST, target),
        for_s=60,
        severity="critical",
        summary=f"The error budget of '{objective.owed}' will not last a week",
        description=f"{owed}; {measured} ({_in_words(FAST)}).",
        runbook=objective.runbook,
    )
    slow = Alert(
        name=f"Signalbox{objective.alert}BurnsSlow",
        expr=_burning(objective, SLOW, target),
        for_s=1800,
        severity="warning",
        summary=f"The error budget of '{objective.owed}' will not last a month",
        description=f"{owed}; {measured} ({_in_words(SLOW)}).",
        runbook=objective.runbook,
    )
    return fast, slow


def _burning(objective: Objective, burns: tuple[Burn, ...], target: float) -> str:
    def above(window: str, burn: Burn) -> str:
        threshold = min(burn.rate * (1 - target), MOST)
        return f'{missed_ratio(window)}{{objective="{objective.label}"}} > {threshold:.6g}'

    return "\nor ".join(f"({above(burn.long, burn)} and {above(burn.short, burn)})" for burn in burns)


def _in_words(burns: tuple[Burn, ...]) -> str:
    return " or ".join(f"{burn.rate:g} times the sustainable rate over {burn.long} and {burn.short}" for burn in burns)
