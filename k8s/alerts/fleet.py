"""Alerts on causes of slow, lost or expensive answers, before the error budgets show them."""

from __future__ import annotations

from cluster.spec import FleetSpec
from cluster.state import STALE_AFTER_S
from k8s.alerts.rules import Alert, Record
from k8s.promql import Promql

QUEUE = "signalbox:queue_depth:sum"
"""Requests without a batch slot, by pool: waiting in engines, or held by gateways because no replica is ready."""
COST_SAVED = "signalbox:cost_saved:ratio_rate1h"
"""Share of the cost saved compared with sending everything to the most expensive pool of the large tier."""
OVERRUN = 1.1
"""The controller keeps the mean of a few hundred requests within a tenth of the budget (docs/routing.md)."""


def fleet_records(fleet: Promql) -> list[Record]:
    """Recording rules that several panels and alerts read."""
    waiting = fleet.gauge("sum", "signalbox_engine_waiting", "pool")
    held = fleet.gauge("sum", "signalbox_gateway_held", "pool")
    cost = fleet.increase("signalbox_realised_cost", "1h")
    always_large = fleet.increase("signalbox_always_large_cost", "1h")
    return [
        Record(QUEUE, f"({waiting} or 0 * {held}) + ({held} or 0 * {waiting})"),
        Record(COST_SAVED, f"1 - {cost} / ({always_large} > 0)"),
    ]


def fleet_alerts(spec: FleetSpec, fleet: Promql) -> list[Alert]:
    """Alerts with thresholds from the spec."""
    alerts = [
        endpoint_down(fleet),
        kv_pressure(fleet),
        queue_growing(spec, fleet),
        scaling_stuck(spec, fleet),
        scaling_held(fleet),
        telemetry_stale(fleet),
        streams_break(spec, fleet),
    ]
    return [*alerts, budget_overrun(fleet)] if spec.routing.budget else alerts


def endpoint_down(fleet: Promql) -> Alert:
    """The gateway is down or not scraped."""
    return Alert(
        name="SignalboxEndpointDown",
        expr=f"absent({fleet.select('signalbox_gateway_ongoing')})",
        for_s=60,
        severity="critical",
        summary="The endpoint is down",
        description="No gateway has exported a metric for a minute: it is down, or Prometheus cannot scrape it.",
        runbook="GET /health of the endpoint. If it responds, check Prometheus' targets; else gateways and Serve.",
    )


def kv_pressure(fleet: Promql) -> Alert:
    """Above 1, a replica's requests do not fit into its KV cache together (`cluster.load.kv_pressure`)."""
    return Alert(
        name="SignalboxKvPressure",
        expr=f"{fleet.gauge('max', 'signalbox_engine_kv_pressure_ratio', 'pool')} > 1",
        for_s=600,
        severity="warning",
        summary="The KV cache of pool {{ $labels.pool }} is too small for its requests",
        description="For ten minutes a replica's requests needed {{ $value | humanizePercentage }} of its KV cache.",
        runbook="Raise the pool's replicas.max or its KV cache; the number of preemptions shows the current cost.",
    )


def queue_growing(spec: FleetSpec, fleet: Promql) -> Alert:
    """More requests wait than a replica should have ongoing, and the queue grows."""
    threshold, queue = spec.scaling.target_ongoing, fleet.recorded(QUEUE)
    return Alert(
        name="SignalboxQueueGrowing",
        expr=f"{queue} > {threshold:g} and deriv({fleet.recorded(QUEUE, window='10m')}) > 0",
        for_s=600,
        severity="warning",
        summary="The queue of pool {{ $labels.pool }} is growing",
        description="{{ $value | humanize }} requests wait, and the queue has grown for ten minutes.",
        runbook="Autoscaling dashboard: is the pool at replicas.max, out of devices, or do replicas fail to start?",
    )


def scaling_stuck(spec: FleetSpec, fleet: Promql) -> Alert:
    """Requested replicas are still missing after twice the time of a cold start."""
    desired, ready = (
        fleet.gauge("max", "signalbox_replicas", "pool", where=f'state="{state}"') for state in ("desired", "ready")
    )
    wait_s = 2 * spec.scaling.cold_start_s
    return Alert(
        name="SignalboxScalingStuck",
        expr=f"{desired} - {ready} > 0",
        for_s=wait_s,
        severity="warning",
        summary="Pool {{ $labels.pool }} does not get the replicas that the scaling policy wants",
        description="{{ $value | humanize }} replicas have been missing for " + f"{wait_s:g} s, two cold starts.",
        runbook="Are there pending pods or Ray nodes (no machines, quota)? If not, a replica's start fails: its logs.",
    )


def scaling_held(fleet: Promql) -> Alert:
    """The policy cannot decide, so the pool keeps its size whatever the load."""
    held = fleet.gauge("max", "signalbox_scaling_reason", "pool", where='reason=~"held|problem"')
    return Alert(
        name="SignalboxScalingHeld",
        expr=f"{held} > 0",
        for_s=300,
        severity="warning",
        summary="Scaling of pool {{ $labels.pool }} is paused",
        description="For five minutes the policy has failed or its signals were not plausible; pools keep their sizes.",
        runbook="`signalbox status` shows the reason: stale reports, no fleet board, or an error in the policy.",
    )


def telemetry_stale(fleet: Promql) -> Alert:
    """Replicas with stale reports count as busy, so requests go to others."""
    return Alert(
        name="SignalboxTelemetryStale",
        expr=f"{fleet.gauge('max', 'signalbox_report_age_seconds', 'pool')} > {STALE_AFTER_S:g}",
        for_s=120,
        severity="warning",
        summary="A replica of pool {{ $labels.pool }} does not report",
        description="Its last report is {{ $value | humanizeDuration }} old"
        + f"; after {STALE_AFTER_S:g} s a replica counts as busy.",
        runbook="Is its engine stuck (running above 0, no tokens) or its node overloaded? Restart the replica.",
    )


def streams_break(spec: FleetSpec, fleet: Promql) -> Alert:
    """Answers that fail after their first byte. No retry can hide them from the client."""
    broken = fleet.increase("signalbox_broken_streams", "15m", "pool")
    answers = fleet.increase("signalbox_slo_answers", "15m", "pool")
    budget = 1 - spec.scaling.attainment_target
    return Alert(
        name="SignalboxStreamsBreak",
        expr=f"{broken} / {answers} > {budget:.6g}",
        for_s=60,
        severity="critical",
        summary="Streams of pool {{ $labels.pool }} break",
        description="{{ $value | humanizePercentage }} of its answers in 15 minutes failed after their first byte.",
        runbook="Do replicas die (ready falls, starting rises)? Check GPU memory, spot nodes and drains, then logs.",
    )


def budget_overrun(fleet: Promql) -> Alert:
    """Requests cost more than `routing.budget` allows."""
    return Alert(
        name="SignalboxBudgetOverrun",
        expr=f"{fleet.gauge('avg', 'signalbox_budget_spend_ratio')} > {OVERRUN:g}",
        for_s=1800,
        severity="warning",
        summary="Requests cost more than the budget",
        description="For half an hour the mean spend has been {{ $value | humanizePercentage }} of routing.budget.",
        runbook="Routing dashboard: are requests pinned, escalated, or spilled to more expensive pools?",
    )
