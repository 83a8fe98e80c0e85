"""Error budgets: how fast the fleet spends the share of answers that may miss an objective.

Multiwindow, multi-burn-rate alerts as in Google's SRE Workbook, chapter 5, "Alerting on SLOs", table 5-8
(https://sre.google/workbook/alerting-on-slos/). The long window shows that the misses matter; the short one shows that
they continue, so an alert ends soon after its cause. A burn rate of 1 spends a 30-day budget in 30 days.
"""

from __future__ import annotations

from dataclasses import dataclass

from cluster.spec import FleetSpec
from k8s.alerts.rules import Alert, Record
from k8s.promql import Promql


@dataclass(frozen=True)
class Burn:
    """A burn rate that must be exceeded over both windows."""

    rate: float
    long: str
    short: str


FAST = (Burn(14.4, "1h", "5m"), Burn(6.0, "6h", "30m"))
"""2% of a 30-day budget in one hour, or 5% in six: page the on-call."""
SLOW = (Burn(1.0, "3d", "6h"),)
"""10% of the budget in three days: look at it during the day."""
WINDOWS = tuple(dict.fromkeys(window for burn in (*FAST, *SLOW) for window in (burn.short, burn.long)))
HIGHEST_THRESHOLD = 0.9
"""Upper limit of an alert's threshold. With a low target, a burn rate could otherwise need more than all answers."""


@dataclass(frozen=True)
class Objective:
    """A target for answers, named by the `objective` label of `signalbox_slo_missed`."""

    label: str
    alert: str
    """The middle part of its alerts' names."""
    promise: str
    """What an answer should have, in words that follow "answers with"."""
    runbook: str


def objectives(spec: FleetSpec) -> tuple[Objective, ...]:
    """The fleet's objectives, with the spec's targets in words."""
    scaling = spec.scaling
    return (
        Objective(
            "error",
            "Availability",
            "no error",
            "Reliability dashboard: which pool fails, and with which status? Then read the logs of its replicas.",
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
    """Recorded series: the share of answers in a window that missed an objective (label `objective`)."""
    return f"signalbox:slo_missed:ratio_rate{window}"


def slo_records(spec: FleetSpec, fleet: Promql) -> list[Record]:
    """The share of answers that missed each objective, over every window that an alert uses."""
    return [
        Record(missed_ratio(window), _missed(fleet, objective.label, window), (("objective", objective.label),))
        for window in WINDOWS
        for objective in objectives(spec)
    ]


def _missed(fleet: Promql, objective: str, window: str) -> str:
    missed = fleet.increase("signalbox_slo_missed", window, where=f'objective="{objective}"')
    return fleet.share(missed, fleet.increase("signalbox_slo_answers", window))


def slo_alerts(spec: FleetSpec, fleet: Promql) -> list[Alert]:
    """A fast and a slow alert for each objective."""
    target = spec.scaling.attainment_target
    return [alert for objective in objectives(spec) for alert in _alerts(fleet, objective, target)]


def _alerts(fleet: Promql, objective: Objective, target: float) -> tuple[Alert, Alert]:
    goal = f"The target is {target:.4g} of answers with {objective.promise}"
    measured = "{{ $value | humanizePercentage }} miss it"
    fast = Alert(
        name=f"Signalbox{objective.alert}BurnsFast",
        expr=_any_burn(fleet, objective, FAST, target),
        for_s=60,
        severity="critical",
        summary=f"The error budget for answers with {objective.promise} will not last a week",
        description=f"{goal}; {measured} ({_in_words(FAST)}).",
        runbook=objective.runbook,
    )
    slow = Alert(
        name=f"Signalbox{objective.alert}BurnsSlow",
        expr=_any_burn(fleet, objective, SLOW, target),
        for_s=1800,
        severity="warning",
        summary=f"The error budget for answers with {objective.promise} will not last a month",
        description=f"{goal}; {measured} ({_in_words(SLOW)}).",
        runbook=objective.runbook,
    )
    return fast, slow


def _any_burn(fleet: Promql, objective: Objective, burns: tuple[Burn, ...], target: float) -> str:
    def above(window: str, burn: Burn) -> str:
        threshold = min(burn.rate * (1 - target), HIGHEST_THRESHOLD)
        missed = fleet.recorded(missed_ratio(window), f'objective="{objective.label}"')
        return f"{missed} > {threshold:.6g}"

    return "\nor ".join(f"({above(burn.long, burn)} and {above(burn.short, burn)})" for burn in burns)


def _in_words(burns: tuple[Burn, ...]) -> str:
    return " or ".join(f"{burn.rate:g} times the sustainable rate over {burn.long} and {burn.short}" for burn in burns)
