"""Metrics of scaling: the policy counts changes; gateways export sizes and reasons that they read from the board."""

from __future__ import annotations

from typing import get_args

from autoscaling.types import Signal
from deployments.metrics.definition import CURRENCY, POOL, counter, gauge


class PolicyMetrics:
    """Scaling changes."""

    changes = counter(
        "signalbox_scaling_changes",
        "decisions",
        POOL | {"direction": "up, down"},
        "Decisions that changed the desired number of replicas.",
        "Up and down in turn: read the reasons in `signalbox status`, and raise `scaling.downscale_delay_s`.",
    )


class ScalingMetrics:
    """Pool sizes and scaling reasons."""

    replicas = gauge(
        "signalbox_replicas",
        "replicas",
        POOL | {"state": "desired, ready, starting"},
        "Replicas by state. For a pool that Ray Serve scales, only `ready` is known.",
        "Desired above ready for longer than a cold start: nodes are missing, or replicas fail to start.",
        over="max",
    )
    scaling_reason = gauge(
        "signalbox_scaling_reason",
        "0 or 1",
        POOL | {"reason": ", ".join(get_args(Signal))},
        "1 for the signal that set the pool's newest decision, 0 for the others.",
        "`held`, `problem`: scaling is paused; read the reason in `signalbox status`. `budget`: not enough devices.",
        over="max",
    )
    decision_age = gauge(
        "signalbox_scaling_decision_age_seconds",
        "seconds",
        POOL,
        "Time since the pool's newest decision.",
        "Above 10: the policy does not decide. Check the Serve controller and the fleet board.",
        over="max",
    )
    cold_start = gauge(
        "signalbox_cold_start_seconds",
        "seconds",
        POOL,
        "From the request for a replica to its first report, newest measurement; 0 without one.",
        "Far above the sum of the phases: nodes or images are slow to arrive.",
        over="max",
    )
    report_age = gauge(
        "signalbox_report_age_seconds",
        "seconds",
        POOL,
        "Age of the oldest report among the pool's replicas, as a gateway sees it; 0 without replicas.",
        "Above 3: the replica counts as busy. In all pools at once: the fleet board is unreachable.",
        over="max",
    )
    replica_cost = gauge(
        "signalbox_replica_cost_per_hour",
        CURRENCY,
        POOL,
        "Ready replicas times `prices.replica_per_hour`, per hour.",
        "High with few requests: lower `replicas.min` or `scaling.downscale_delay_s`.",
        over="max",
    )
