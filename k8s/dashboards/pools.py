"""Pools and engines: load, KV cache and latency of the replicas."""

from __future__ import annotations

from cluster.spec import FleetSpec
from k8s.dashboards.panels import FLEET, POOLS, Board, Panel, Query, p50_p95, per_pool

REPLICA = "{{pool}} {{replica}}"


def board(spec: FleetSpec) -> Board:
    """Load, KV cache and latency of every pool."""
    rows = [("Load", LOAD), ("KV cache", CACHE), ("Latency", _latency(spec))]
    if any(pool.engine.traits.exports_vllm_metrics for pool in spec.pools.values()):
        rows.append(("vLLM", _vllm(spec)))
    return Board("pools", "Pools and engines", "Load, KV cache and latency of every pool.", tuple(rows))


LOAD: tuple[Panel, ...] = (
    Panel(
        "Running",
        "Requests in the engines' batches.",
        "short",
        per_pool(POOLS.gauge("sum", "signalbox_engine_running", "pool")),
        kind="area",
    ),
    Panel(
        "Waiting",
        "Queue depth: requests in the engines without a batch slot. If it stays above 0, the pool is too small.",
        "short",
        per_pool(POOLS.gauge("sum", "signalbox_engine_waiting", "pool")),
        kind="area",
    ),
    Panel(
        "Generated tokens",
        "Tokens per second that engines generate, including those of cancelled and dropped answers.",
        "short",
        per_pool(POOLS.rate("signalbox_engine_generated_tokens", "pool")),
        kind="area",
    ),
    Panel(
        "Prompt tokens",
        "Prompt tokens per second, including those found in the prefix cache.",
        "short",
        per_pool(POOLS.rate("signalbox_prompt_tokens", "pool")),
        kind="area",
    ),
    Panel(
        "Running by replica",
        "Replicas of a pool should be similar. If one is far above: prefix affinity, or long answers.",
        "short",
        (Query(POOLS.gauge("max", "signalbox_engine_running", "pool", "replica"), REPLICA),),
    ),
    Panel(
        "Waiting by replica",
        "If one queue grows while others are empty, that replica is slow or stuck.",
        "short",
        (Query(POOLS.gauge("max", "signalbox_engine_waiting", "pool", "replica"), REPLICA),),
    ),
)


CACHED, READ = (POOLS.rate(f"signalbox_{what}", "pool") for what in ("cached_prompt_tokens", "prompt_tokens"))
CACHE: tuple[Panel, ...] = (
    Panel(
        "KV cache usage",
        "Share of each replica's KV cache in use.",
        "percentunit",
        (Query(POOLS.gauge("max", "signalbox_engine_kv_usage_ratio", "pool", "replica"), REPLICA),),
    ),
    Panel(
        "KV pressure",
        "KV cache that all ongoing requests of a replica need, divided by its size. Above 1, they do not fit together.",
        "percentunit",
        (Query(POOLS.gauge("max", "signalbox_engine_kv_pressure_ratio", "pool", "replica"), REPLICA),),
        alarm=1.0,
    ),
    Panel(
        "Preemptions",
        "Requests per second that were removed from a batch because the KV cache was full. Their work is repeated.",
        "ops",
        per_pool(POOLS.rate("signalbox_engine_preemptions", "pool")),
    ),
    Panel(
        "KV cache size",
        "Capacity of all KV caches of a pool, in tokens.",
        "short",
        per_pool(POOLS.gauge("sum", "signalbox_engine_kv_capacity_tokens", "pool")),
    ),
    Panel(
        "Prefix cache hits",
        "Share of prompt tokens found in the KV cache. If it falls, conversations move between replicas.",
        "percentunit",
        per_pool(POOLS.share(CACHED, READ)),
    ),
)


def _latency(spec: FleetSpec) -> tuple[Panel, ...]:
    ttft_s, tpot_s = spec.scaling.ttft_target_s, spec.scaling.tpot_target_s
    return (
        Panel(
            "Time to first token",
            f"From arrival at the gateway to the first byte sent; the target is {ttft_s:g} s.",
            "s",
            p50_p95("signalbox_ttft_seconds", "pool"),
            alarm=ttft_s,
        ),
        Panel(
            "Time per token",
            f"Time per token after the first; the target is {tpot_s:g} s.",
            "s",
            p50_p95("signalbox_tpot_seconds", "pool"),
            alarm=tpot_s,
        ),
        Panel(
            "End-to-end latency",
            "From arrival at the gateway to the last byte sent. Long answers take longer.",
            "s",
            p50_p95("signalbox_e2e_latency_seconds", "pool"),
        ),
    )


def _vllm(spec: FleetSpec) -> tuple[Panel, ...]:
    """vLLM's own metrics. They are grouped by model, because vLLM does not know our pools."""
    panels = [
        Panel(title, text, "s", tuple(_vllm_quantiles(histogram)))
        for title, text, histogram in (
            (
                "Wait in the engine",
                "Time from a request's arrival in vLLM until it enters a batch.",
                "request_queue_time",
            ),
            (
                "Prefill",
                "Time to process the prompt. If it rises, prompts are long or prefix hits are rare.",
                "request_prefill_time",
            ),
            ("Between tokens", "Inter-token latency as the engine measures it.", "inter_token_latency"),
        )
    ]
    if any(pool.speculation for pool in spec.pools.values()):
        accepted, drafted = (
            FLEET.rate(f"vllm_spec_decode_num_{what}_tokens", "model_name") for what in ("accepted", "draft")
        )
        panels.append(
            Panel(
                "Accepted draft tokens",
                "Share of draft tokens that the model accepted. If it is low, use fewer or another draft model.",
                "percentunit",
                (Query(FLEET.share(accepted, drafted), "{{model_name}}"),),
            )
        )
    return tuple(panels)


def _vllm_quantiles(histogram: str) -> list[Query]:
    metric = f"vllm_{histogram}_seconds"
    return [
        Query(FLEET.quantile(level, metric, "model_name"), f"{{{{model_name}}}} p{level * 100:.0f}")
        for level in (0.5, 0.95)
    ]
