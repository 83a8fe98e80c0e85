"""Metrics that vLLM's own `RayPrometheusStatLogger` exports, as far as our dashboards and our reference name them."""

from __future__ import annotations

from deployments.metrics.definition import Definition

LABELS = {
    "model_name": "the pool's public name",
    "engine": "number of the data-parallel copy",
    "ReplicaId": "Serve's id of the replica, as `replica` elsewhere",
}

VLLM = (
    Definition(
        "vllm_prefix_cache_queries",
        "counter",
        "tokens",
        LABELS,
        "Prompt tokens that were looked up in the prefix cache.",
        "The denominator of the hits.",
    ),
    Definition(
        "vllm_prefix_cache_hits",
        "counter",
        "tokens",
        LABELS,
        "Of those, the ones whose KV was there.",
        "The share falls: conversations change replicas, or the cache is too small for them.",
    ),
    Definition(
        "vllm_request_queue_time_seconds",
        "histogram",
        "seconds",
        LABELS,
        "From a request's arrival in vLLM to its place in a batch.",
        "Rises: batches or KV cache are full; the pool needs replicas.",
    ),
    Definition(
        "vllm_request_prefill_time_seconds",
        "histogram",
        "seconds",
        LABELS,
        "Time to read a prompt.",
        "Rises: long prompts, or fewer prefix hits.",
    ),
    Definition(
        "vllm_inter_token_latency_seconds",
        "histogram",
        "seconds",
        LABELS,
        "Time between two tokens of a request, as the engine sees it.",
        "Rises: batches grew, or prompts of others are read in between.",
    ),
    Definition(
        "vllm_spec_decode_num_draft_tokens",
        "counter",
        "tokens",
        LABELS,
        "Tokens that were guessed, for pools with `speculation`.",
        "The denominator of the accepted ones.",
    ),
    Definition(
        "vllm_spec_decode_num_accepted_tokens",
        "counter",
        "tokens",
        LABELS,
        "Of those, the ones that the model agreed with.",
        "A small share: guess fewer tokens at a time, or use another draft.",
    ),
)
