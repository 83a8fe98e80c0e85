"""Autoscaling: why replicas were added or removed, with the signals that caused it."""

from __future__ import annotations

from cluster.spec import FleetSpec
from k8s.alerts.fleet import QUEUE
from k8s.dashboards.panels import POOLS, Board, Panel, Query, per_pool, recorded


def board(spec: FleetSpec) -> Board:
    """Desired and ready replicas, with queue depth, KV cache and the reason."""
    rows = (("Replicas", REPLICAS), ("Signals", SIGNALS), ("Starts", _starts(spec)))
    return Board("autoscaling", "Autoscaling", "Why each pool has its current number of replicas.", rows)


STATES = tuple(
    Query(POOLS.gauge("max", "signalbox_replicas", "pool", where=f'state="{state}"'), f"{{{{pool}}}} {state}")
    for state in ("desired", "ready", "starting")
)
REPLICAS: tuple[Panel, ...] = (
    Panel(
        "Desired, ready, starting",
        "If desired stays above ready for two cold starts, nodes are missing or starts fail.",
        "short",
        STATES,
        width=12,
    ),
    Panel(
        "Reason of the last decision",
        "The signal with the largest need (docs/autoscaling.md). held or problem: the policy cannot decide.",
        "short",
        (Query(f"{POOLS.gauge('max', 'signalbox_scaling_reason', 'pool', 'reason')} > 0", "{{pool}} {{reason}}"),),
        kind="states",
        width=12,
    ),
    Panel(
        "Changes",
        "Decisions that changed a pool's size, by direction, in the displayed time range. If ups and downs alternate, "
        "raise scaling.downscale_delay_s.",
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
        "Requests that are open at the gateways, by pool. A new replica would take a share of them.",
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
        "Queue depth",
        "Requests that wait in engines, or that gateways hold because no replica is ready.",
        "short",
        per_pool(recorded(QUEUE, "sum by (pool)", pools=True)),
        kind="area",
    ),
    Panel(
        "KV pressure",
        "KV pressure of the fullest replica. Above 1, its requests do not fit into the cache together.",
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
        "SLO misses",
        "Share of answers that missed a latency target or ended in an error. The planner learns from it.",
        "percentunit",
        per_pool(f"1 - {POOLS.share(MET, ANSWERS)}"),
    ),
    Panel(
        "Held requests",
        "Requests that wait at the gateways because their pool has no ready replica. Each waits for a cold start.",
        "short",
        per_pool(POOLS.gauge("sum", "signalbox_gateway_held", "pool")),
    ),
    Panel(
        "Age of the last decision",
        "Above 10 s, Serve no longer calls the policy. Check Serve's controller and the fleet board.",
        "s",
        per_pool(POOLS.gauge("max", "signalbox_scaling_decision_age_seconds", "pool")),
        alarm=10.0,
    ),
)


def _starts(spec: FleetSpec) -> tuple[Panel, ...]:
    return (
        Panel(
            "Cold start",
            "Time from requesting a replica to its first report, last measurement. If it is far above the replica's "
            "start, nodes start slowly.",
            "s",
            per_pool(POOLS.gauge("max", "signalbox_cold_start_seconds", "pool")),
            kind="bars",
        ),
        Panel(
            "Replica start",
            f"From construction to the warm-up answer. The spec expects {spec.scaling.cold_start_s:g} s with the node.",
            "s",
            per_pool(POOLS.gauge("max", "signalbox_replica_start_seconds", "pool")),
            kind="bars",
        ),
        Panel(
            "Start phases",
            "The phases of a replica's start. docs/cold-start.md explains how to shorten each.",
            "s",
            (Query(POOLS.gauge("max", "signalbox_cold_start_phase_seconds", "pool", "phase"), "{{pool}} {{phase}}"),),
            kind="bars",
        ),
    )
