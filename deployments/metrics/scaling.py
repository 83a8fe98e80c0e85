"""What is exported of scaling: changes where they are decided, sizes and reasons where gateways read the board."""

from __future__ import annotations

from typing import get_args

from autoscaling.types import Signal
from deployments.metrics.definition import CURRENCY, POOL, counter, gauge


class PolicyMetrics:
    """What the scaling policy counts, in Serve's controller."""

    changes = counter(
        "signalbox_scaling_changes",
        "decisions",
        POOL | {"direction": "up, down"},
        "Decisions that asked for another number of replicas than the one before.",
        "Up and down in turn: raise `scaling.downscale_delay_s`. Read the reasons in `signalbox status`.",
    )


class ScalingMetrics:
    """Each pool's size and why: every gateway replica exports what it reads off the fleet board."""

    replicas = gauge(
        "signalbox_replicas",
        "replicas",
        POOL | {"state": "desired, ready, starting"},
        "Replicas by state. Of a pool that Ray Serve sizes itself only `ready` is known.",
        "Desired above ready for longer than a cold start: nodes are missing, or replicas fail to start.",
        over="max",
    )
    scaling_reason = gauge(
        "signalbox_scaling_reason",
        "0 or 1",
        POOL | {"reason": ", ".join(get_args(Signal))},
        "1 for the signal that set the pool's newest decision, 0 for the others.",
        "`held`, `problem`: nothing is decided, read the sentence in `signalbox status`. `budget`: devices are short.",
        over="max",
    )
    decision_age = gauge(
        "signalbox_scaling_decision_age_seconds",
        "seconds",
        POOL,
        "Time since the newest decision.",
        "Above 10: the policy is not asked. Look at the Serve controller and at the fleet board.",
        over="max",
    )
    cold_start = gauge(
        "signalbox_cold_start_seconds",
        "seconds",
        POOL,
        "From asking for a replica to its first report, newest measurement; 0 where none was made.",
        "Far above the sum of the phases: nodes or images come late.",
        over="max",
    )
    report_age = gauge(
        "signalbox_report_age_seconds",
        "seconds",
        POOL,
        "Age of the oldest report among the pool's replicas as a gateway sees it; 0 without replicas.",
        "Above 3: a replica counts as busy whatever it does. All pools at once: the fleet board is away.",
        over="max",
    )
    replica_cost = gauge(
        "signalbox_replica_cost_per_hour",
        CURRENCY,
        POOL,
        "Ready replicas times `prices.replica_per_hour`.",
        "High beside few requests: lower `replicas.min` or `scaling.downscale_delay_s`.",
        over="max",
    )
