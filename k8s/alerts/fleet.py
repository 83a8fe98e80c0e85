"""Alerts on causes: what makes answers late, lost or dear, before the error budgets notice."""

from __future__ import annotations

from cluster.spec import FleetSpec
from cluster.state import STALE_AFTER_S
from k8s.alerts.rules import FLEETS, Alert, Record

QUEUE = "signalbox:queue_depth:sum"
"""Requests without a batch slot by pool: waiting in engines, or held by gateways because no replica is there."""
COST_SAVED = "signalbox:cost_saved:ratio_rate1h"
"""Share of the cost saved against sending everything to the dearest pool of the large tier."""
OVERRUN = 1.1
"""The controller holds any few hundred requests within a tenth of the budget (docs/routing.md)."""


def fleet_records() -> list[Record]:
    """What several panels and alerts read."""
    waiting = FLEETS.gauge("sum", "signalbox_engine_waiting", "pool")
    held = FLEETS.gauge("sum", "signalbox_gateway_held", "pool")
    cost = FLEETS.increase("signalbox_realised_cost", "1h")
    dearest = FLEETS.increase("signalbox_always_large_cost", "1h")
    return [
        Record(QUEUE, f"({waiting} or 0 * {held}) + ({held} or 0 * {waiting})"),
        Record(COST_SAVED, f"1 - {cost} / ({dearest} > 0)"),
    ]


def fleet_alerts(spec: FleetSpec) -> list[Alert]:
    """Alerts with thresholds from the spec."""
    alerts = [
        endpoint_down(),
        kv_pressure(),
        queue_growing(spec),
        scaling_stuck(spec),
        scaling_held(),
        telemetry_stale(),
        streams_break(spec),
    ]
    return [*alerts, budget_overrun()] if spec.routing.budget else alerts


def endpoint_down() -> Alert:
    """The gateway is gone, or nobody scrapes it. Of several fleets, one that was there an hour ago."""
    metric = "signalbox_gateway_ongoing"
    before = f"count by (namespace) (last_over_time({FLEETS.select(metric, window='1h')}))"
    now = f"count by (namespace) ({FLEETS.select(metric)})"
    return Alert(
        name="SignalboxEndpointDown",
        expr=f"({before} unless {now})\nor absent({FLEETS.select(metric)})",
        for_s=60,
        severity="critical",
        summary="The endpoint is down",
        description="No gateway has exported a metric for a minute: it is down, or Prometheus cannot scrape it.",
        runbook="GET /health of the endpoint. An answer: look at Prometheus' targets. None: the Ray head and Serve.",
    )


def kv_pressure() -> Alert:
    """Above 1 the requests of a replica do not fit into its KV cache together (`cluster.load.kv_pressure`)."""
    return Alert(
        name="SignalboxKvPressure",
        expr=f"{FLEETS.gauge('max', 'signalbox_engine_kv_pressure_ratio', 'pool')} > 1",
        for_s=600,
        severity="warning",
        summary="The KV cache of pool {{ $labels.pool }} is too small for its requests",
        description="Requests of a replica want {{ $value | humanizePercentage }} of its KV cache, for ten minutes.",
        runbook="Raise replicas.max of the pool, or its share of KV cache; preemptions say how much it costs already.",
    )


def queue_growing(spec: FleetSpec) -> Alert:
    """More wait than a replica should have ongoing, and it becomes more."""
    threshold = spec.scaling.target_ongoing
    return Alert(
        name="SignalboxQueueGrowing",
        expr=f"{QUEUE} > {threshold:g} and deriv({QUEUE}[10m]) > 0",
        for_s=600,
        severity="warning",
        summary="The queue of pool {{ $labels.pool }} grows",
        description="{{ $value | humanize }} requests wait, and for ten minutes they have become more.",
        runbook="Autoscaling dashboard: is the pool at replicas.max, out of devices, or do replicas not become ready?",
    )


def scaling_stuck(spec: FleetSpec) -> Alert:
    """Replicas that were asked for do not come, although twice the time of a cold start has passed."""
    desired, ready = (
        FLEETS.gauge("max", "signalbox_replicas", "pool", where=f'state="{state}"') for state in ("desired", "ready")
    )
    wait_s = 2 * spec.scaling.cold_start_s
    return Alert(
        name="SignalboxScalingStuck",
        expr=f"{desired} - {ready} > 0",
        for_s=wait_s,
        severity="warning",
        summary="Pool {{ $labels.pool }} does not get the replicas that scaling wants",
        description="{{ $value | humanize }} replicas have been missing for " + f"{wait_s:g} s, two cold starts.",
        runbook="Are there pending pods or Ray nodes (no machines, quota)? If not, a replica's start fails: its logs.",
    )


def scaling_held() -> Alert:
    """The policy cannot decide: the pool keeps the size it has, whatever comes."""
    held = FLEETS.gauge("max", "signalbox_scaling_reason", "pool", where='reason=~"held|problem"')
    return Alert(
        name="SignalboxScalingHeld",
        expr=f"{held} > 0",
        for_s=300,
        severity="warning",
        summary="Scaling of pool {{ $labels.pool }} stands still",
        description="For five minutes the policy had no signals it could believe, or failed; sizes stay as they are.",
        runbook="`signalbox status` shows the reason: old reports, no fleet board, or an error of the policy.",
    )


def telemetry_stale() -> Alert:
    """Replicas whose reports are old count as busy: requests go elsewhere."""
    return Alert(
        name="SignalboxTelemetryStale",
        expr=f"{FLEETS.gauge('max', 'signalbox_report_age_seconds', 'pool')} > {STALE_AFTER_S:g}",
        for_s=120,
        severity="warning",
        summary="A replica of pool {{ $labels.pool }} does not report",
        description="Its newest report is {{ $value | humanizeDuration }} old"
        + f"; after {STALE_AFTER_S:g} s a replica counts as busy.",
        runbook="Is its engine stuck (running above 0, no tokens), or its node overloaded? Restart the replica.",
    )


def streams_break(spec: FleetSpec) -> Alert:
    """Answers that end in an error after their first byte, which no retry can hide."""
    broken = FLEETS.increase("signalbox_broken_streams", "15m", "pool")
    answers = FLEETS.increase("signalbox_slo_answers", "15m", "pool")
    budget = 1 - spec.scaling.attainment_target
    return Alert(
        name="SignalboxStreamsBreak",
        expr=f"{broken} / {answers} > {budget:.6g}",
        for_s=60,
        severity="critical",
        summary="Streams of pool {{ $labels.pool }} break",
        description="{{ $value | humanizePercentage }} of its answers in 15 minutes broke off after they began.",
        runbook="Do replicas die (ready falls, starting rises)? GPU memory, spot nodes, node drains; then their logs.",
    )


def budget_overrun() -> Alert:
    """Requests cost more than `routing.budget` says."""
    return Alert(
        name="SignalboxBudgetOverrun",
        expr=f"{FLEETS.gauge('avg', 'signalbox_budget_spend_ratio')} > {OVERRUN:g}",
        for_s=1800,
        severity="warning",
        summary="Requests cost more than the budget",
        description="For half an hour the mean spend has been {{ $value | humanizePercentage }} of routing.budget.",
        runbook="Routing dashboard: are requests pinned by name, escalated, or spilled to dearer pools?",
    )
