"""Autoscaling: why a replica was added or removed, beside what made it so."""

from __future__ import annotations

from cluster.spec import FleetSpec
from k8s.alerts.fleet import QUEUE
from k8s.dashboards.panels import POOLS, Board, Panel, Query, per_pool, recorded


def board(spec: FleetSpec) -> Board:
    """Desired against ready, beside queue, KV cache and reason."""
    rows = (("Replicas", REPLICAS), ("Signals", SIGNALS), ("Starts", _starts(spec)))
    return Board("autoscaling", "Autoscaling", "Why pools have as many replicas as they have.", rows)


STATES = tuple(
    Query(POOLS.gauge("max", "signalbox_replicas", "pool", where=f'state="{state}"'), f"{{{{pool}}}} {state}")
    for state in ("desired", "ready", "starting")
)
REPLICAS: tuple[Panel, ...] = (
    Panel(
        "Desired, ready, starting",
        "Desired above ready for longer than two cold starts: nodes are missing or starts fail.",
        "short",
        STATES,
        width=12,
    ),
    Panel(
        "Reason of the newest decision",
        "Which need was the greatest (docs/autoscaling.md). held or problem: nothing can be decided.",
        "short",
        (Query(f"{POOLS.gauge('max', 'signalbox_scaling_reason', 'pool', 'reason')} > 0", "{{pool}} {{reason}}"),),
        kind="states",
        width=12,
    ),
    Panel(
        "Changes",
        "Decisions that changed a pool's size, by direction, in the time shown. Up and down in turns: raise "
        "scaling.downscale_delay_s.",
        "short",
        (
            Query(
                POOLS.increase("signalbox_scaling_changes", "$__range", "pool", "direction"),
                "{{pool}} {{direction}}",
            ),
        ),
        kind="bars",
        width=12,
    ),
    Panel(
        "Open at the gateways",
        "Requests that gateways have open, by pool: what a new replica would take a part of.",
        "short",
        per_pool(POOLS.gauge("sum", "signalbox_gateway_ongoing", "pool")),
        kind="area",
        width=12,
    ),
)


MET = POOLS.rate("signalbox_slo_met", "pool")
ANSWERS = POOLS.rate("signalbox_slo_answers", "pool")
SIGNALS: tuple[Panel, ...] = (
    Panel(
        "Queue",
        "Waiting in engines, or held by gateways because no replica is there.",
        "short",
        per_pool(recorded(QUEUE, "sum by (pool)", pools=True)),
        kind="area",
    ),
    Panel(
        "KV pressure",
        "Of the fullest replica. Above 1 its requests do not fit together.",
        "percentunit",
        per_pool(POOLS.gauge("max", "signalbox_engine_kv_pressure_ratio", "pool")),
        alarm=1.0,
    ),
    Panel(
        "Demand",
        "Routed requests per second.",
        "reqps",
        per_pool(POOLS.rate("signalbox_route_decisions", "pool")),
    ),
    Panel(
        "Late",
        "Share of the answers that missed a time target, or ended in an error: what the planner learns from.",
        "percentunit",
        per_pool(f"1 - {POOLS.share(MET, ANSWERS)}"),
    ),
    Panel(
        "Held",
        "Requests waiting for a pool without a ready replica: each waits for a cold start.",
        "short",
        per_pool(POOLS.gauge("sum", "signalbox_gateway_held", "pool")),
    ),
    Panel(
        "Age of the newest decision",
        "Above 10 s: the policy is not asked. Look at Serve's controller and the fleet board.",
        "s",
        per_pool(POOLS.gauge("max", "signalbox_scaling_decision_age_seconds", "pool")),
        alarm=10.0,
    ),
)


def _starts(spec: FleetSpec) -> tuple[Panel, ...]:
    return (
        Panel(
            "Cold start",
            "From asking for a replica to its first report, newest measurement. Far above its start: nodes come late.",
            "s",
            per_pool(POOLS.gauge("max", "signalbox_cold_start_seconds", "pool")),
            kind="bars",
        ),
        Panel(
            "Start of a replica",
            f"From construction to the warm-up answer; the spec expects {spec.scaling.cold_start_s:g} s with the node.",
            "s",
            per_pool(POOLS.gauge("max", "signalbox_replica_start_seconds", "pool")),
            kind="bars",
        ),
        Panel(
            "Phases of a start",
            "Where that time goes; docs/cold-start.md says what makes which phase shorter.",
            "s",
            (Query(POOLS.gauge("max", "signalbox_cold_start_phase_seconds", "pool", "phase"), "{{pool}} {{phase}}"),),
            kind="bars",
        ),
    )
