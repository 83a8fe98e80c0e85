"""Metrics of an engine: a replica's reports, as gauges and counters by pool and replica."""

from __future__ import annotations

from typing import get_args

from deployments.metrics.definition import POOL, REPLICA, counter, gauge
from deployments.wire.start_phases import Phase


class EngineMetrics:
    """Engines."""

    waiting = gauge(
        "signalbox_engine_waiting",
        "requests",
        REPLICA,
        "Queue depth: requests in the engine without a batch slot.",
        "Grows while `running` is constant: the batch or the KV cache is full. If desired replicas are at their limit, "
        "raise `replicas.max`.",
    )
    running = gauge(
        "signalbox_engine_running",
        "requests",
        REPLICA,
        "Requests in the engine's batch.",
        "One replica of a pool far above the others: it got long answers, or hangs if this lasts.",
    )
    kv_usage = gauge(
        "signalbox_engine_kv_usage_ratio",
        "0..1",
        REPLICA,
        "Share of the KV cache in use.",
        "Above 0.9 for minutes: requests may be preempted. Add replicas, or devices with more memory.",
    )
    kv_pressure = gauge(
        "signalbox_engine_kv_pressure_ratio",
        "0 and up",
        REPLICA,
        "KV cache that all requests of the replica need, in units of what it has (`cluster.load.kv_pressure`).",
        "Above 1: the requests do not fit together. Scaling adds replicas; if it does not, see its reason.",
    )
    kv_capacity = gauge(
        "signalbox_engine_kv_capacity_tokens",
        "tokens",
        REPLICA,
        "Tokens that the KV cache holds; 0 for engines that do not report it.",
        "Smaller than `signalbox check` estimates: something else uses the device's memory.",
    )
    preemptions = counter(
        "signalbox_engine_preemptions",
        "requests",
        REPLICA,
        "Requests that were preempted for lack of KV cache, and are computed again.",
        "A lasting rate: lower the engine's `max_num_seqs`, or add replicas.",
    )
    generated = counter(
        "signalbox_engine_generated_tokens",
        "tokens",
        REPLICA,
        "Generated tokens, including those of cancelled and dropped answers.",
        "Falls while requests run: the engine got slower; check its node.",
    )
    as_of = gauge(
        "signalbox_engine_as_of_seconds",
        "Unix seconds",
        REPLICA,
        "When the engine made this report.",
        "Does not advance: the engine is stuck although its process lives. After 3 s it counts as busy.",
    )
    start = gauge(
        "signalbox_replica_start_seconds",
        "seconds",
        REPLICA,
        "From the replica's construction to the answer to its warm-up request.",
        "Grows: check the phases.",
    )
    phase = gauge(
        "signalbox_cold_start_phase_seconds",
        "seconds",
        POOL | {"phase": ", ".join(get_args(Phase))},
        "Seconds of a replica's start by phase.",
        "Grows: docs/cold-start.md lists what shortens each phase.",
        over="max",
    )
