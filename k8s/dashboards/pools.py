"""Pools and engines: what replicas do and how full they are."""

from __future__ import annotations

from cluster.spec import FleetSpec
from k8s.dashboards.panels import FLEET, POOLS, Board, Panel, Query, p50_p95, per_pool

REPLICA = "{{pool}} {{replica}}"


def board(spec: FleetSpec) -> Board:
    """What engines do."""
    rows = [("Load", LOAD), ("KV cache", CACHE), ("Latency", _latency(spec))]
    if _has_vllm(spec):
        rows.append(("vLLM", _vllm(spec)))
    return Board("pools", "Pools and engines", "Load, KV cache and latency of every pool.", tuple(rows))


def _has_vllm(spec: FleetSpec) -> bool:
    return any(pool.engine.kind == "vllm" for pool in spec.pools.values())


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
        "Queue depth: requests in the engines without a batch slot. Stays above 0: the pool is too small.",
        "short",
        per_pool(POOLS.gauge("sum", "signalbox_engine_waiting", "pool")),
        kind="area",
    ),
    Panel(
        "Generated tokens",
        "Tokens per second that engines generate, those of cancelled and dropped answers included.",
        "short",
        per_pool(POOLS.rate("signalbox_engine_generated_tokens", "pool")),
        kind="area",
    ),
    Panel(
        "Prompt tokens",
        "Tokens per second that were read, those found in the prefix cache included.",
        "short",
        per_pool(POOLS.rate("signalbox_prompt_tokens", "pool")),
        kind="area",
    ),
    Panel(
        "Running by replica",
        "Replicas of a pool should be alike. One far above: prefix affinity, or long answers.",
        "short",
        (Query(POOLS.gauge("max", "signalbox_engine_running", "pool", "replica"), REPLICA),),
    ),
    Panel(
        "Waiting by replica",
        "One queue that grows while others are empty: that replica is slow or stuck.",
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
        "What a replica's requests, waiting ones too, want of its cache. Above 1 they do not fit together.",
        "percentunit",
        (Query(POOLS.gauge("max", "signalbox_engine_kv_pressure_ratio", "pool", "replica"), REPLICA),),
        alarm=1.0,
    ),
    Panel(
        "Preemptions",
        "Requests thrown out of a batch for lack of cache, per second; their work is done again.",
        "ops",
        per_pool(POOLS.rate("signalbox_engine_preemptions", "pool")),
    ),
    Panel(
        "KV cache size",
        "Tokens that all caches of a pool hold.",
        "short",
        per_pool(POOLS.gauge("sum", "signalbox_engine_kv_capacity_tokens", "pool")),
    ),
    Panel(
        "Prefix cache hits",
        "Share of prompt tokens that were in the KV cache already. Falls: conversations change replicas.",
        "percentunit",
        per_pool(POOLS.share(CACHED, READ)),
    ),
)


def _latency(spec: FleetSpec) -> tuple[Panel, ...]:
    ttft_s, tpot_s = spec.scaling.ttft_target_s, spec.scaling.tpot_target_s
    return (
        Panel(
            "Time to first token",
            f"Arrival at the gateway to first byte sent; {ttft_s:g} s are owed.",
            "s",
            p50_p95("signalbox_ttft_seconds", "pool"),
            alarm=ttft_s,
        ),
        Panel(
            "Time per token",
            f"After the first token; {tpot_s:g} s are owed.",
            "s",
            p50_p95("signalbox_tpot_seconds", "pool"),
            alarm=tpot_s,
        ),
        Panel(
            "Whole answer",
            "Arrival at the gateway to last byte sent; long answers take long.",
            "s",
            p50_p95("signalbox_e2e_latency_seconds", "pool"),
        ),
    )


def _vllm(spec: FleetSpec) -> tuple[Panel, ...]:
    """vLLM's own metrics, by model: it does not know our pools."""
    panels = [
        Panel(title, text, "s", tuple(_vllm_quantiles(histogram)))
        for title, text, histogram in (
            (
                "Wait in the engine",
                "Time from a request's arrival in vLLM to its place in a batch.",
                "request_queue_time",
            ),
            (
                "Prefill",
                "Time to read the prompt. Rises: long prompts, or too few prefix hits.",
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
                "Speculation accepted",
                "Share of guessed tokens that the model agreed with. Low: guess fewer, or use another draft.",
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
