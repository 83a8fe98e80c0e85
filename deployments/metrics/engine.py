"""What a replica exports of its engine: every report, as gauges and counters by pool and replica."""

from __future__ import annotations

from typing import get_args

from deployments.metrics.definition import POOL, REPLICA, counter, gauge
from deployments.wire.start_phases import Phase


class EngineMetrics:
    """What a replica's engine says about itself, once a second."""

    waiting = gauge(
        "signalbox_engine_waiting",
        "requests",
        REPLICA,
        "Queue depth: requests in the engine without a batch slot.",
        "Grows while `running` stands: batch or KV cache are full. Look at desired replicas; raise `replicas.max`.",
    )
    running = gauge(
        "signalbox_engine_running",
        "requests",
        REPLICA,
        "Requests in the engine's batch.",
        "One replica of a pool far above the others: long answers met there; it evens out unless a replica hangs.",
    )
    kv_usage = gauge(
        "signalbox_engine_kv_usage_ratio",
        "0..1",
        REPLICA,
        "Share of the KV cache in use.",
        "Above 0.9 for minutes: requests will be preempted. Add replicas, or devices with more memory.",
    )
    kv_pressure = gauge(
        "signalbox_engine_kv_pressure_ratio",
        "0 and up",
        REPLICA,
        "KV cache that all requests of the replica want, in units of what it has (`cluster.load.kv_pressure`).",
        "Above 1: they do not fit together. Scaling adds replicas; where it cannot, see the reason it gives.",
    )
    kv_capacity = gauge(
        "signalbox_engine_kv_capacity_tokens",
        "tokens",
        REPLICA,
        "Tokens that the KV cache holds; 0 for engines that do not say.",
        "Smaller than `signalbox check` promised: something else takes the device's memory.",
    )
    preemptions = counter(
        "signalbox_engine_preemptions",
        "requests",
        REPLICA,
        "Requests thrown out of the batch for lack of KV cache, to be computed again.",
        "Any rate that lasts: lower the engine's `max_num_seqs`, or add replicas.",
    )
    generated = counter(
        "signalbox_engine_generated_tokens",
        "tokens",
        REPLICA,
        "Tokens generated, those of cancelled and dropped answers included.",
        "Falls while requests run: the engine got slower; look at its node.",
    )
    as_of = gauge(
        "signalbox_engine_as_of_seconds",
        "Unix seconds",
        REPLICA,
        "When the engine said all this.",
        "Stands still: the engine is stuck although its process lives. After 3 s it counts as busy.",
    )
    start = gauge(
        "signalbox_replica_start_seconds",
        "seconds",
        REPLICA,
        "From the replica's construction to the answer to its warm-up request.",
        "Grows: look at the phases.",
    )
    phase = gauge(
        "signalbox_cold_start_phase_seconds",
        "seconds",
        POOL | {"phase": ", ".join(get_args(Phase))},
        "Seconds of a replica's start by phase.",
        "docs/cold-start.md says what makes which phase shorter.",
        over="max",
    )
