"""Metrics that vLLM's `RayPrometheusStatLogger` exports, those that dashboards, alerts and our reference use."""

from __future__ import annotations

from deployments.metrics.definition import Definition

LABELS = {
    "model_name": "the pool's public name",
    "engine": "number of the data-parallel copy",
    "ReplicaId": "Serve's id of the replica, as `replica` in other metrics",
}

VLLM = (
    Definition(
        "vllm_prefix_cache_queries",
        "counter",
        "tokens",
        LABELS,
        "Prompt tokens that vLLM looked up in the prefix cache.",
        "The denominator of the hits.",
    ),
    Definition(
        "vllm_prefix_cache_hits",
        "counter",
        "tokens",
        LABELS,
        "Looked-up tokens whose KV was in the cache.",
        "Its share of the queries falls: conversations change replicas, or the cache is too small.",
    ),
    Definition(
        "vllm_request_queue_time_seconds",
        "histogram",
        "seconds",
        LABELS,
        "From a request's arrival in vLLM to its slot in the batch.",
        "Rises: the batch or the KV cache is full; the pool needs replicas.",
    ),
    Definition(
        "vllm_request_prefill_time_seconds",
        "histogram",
        "seconds",
        LABELS,
        "Time to process a prompt.",
        "Rises: long prompts, or fewer prefix hits.",
    ),
    Definition(
        "vllm_inter_token_latency_seconds",
        "histogram",
        "seconds",
        LABELS,
        "Time between two tokens of a request, measured in the engine.",
        "Rises: batches grew, or prefills of other requests come in between.",
    ),
    Definition(
        "vllm_spec_decode_num_draft_tokens",
        "counter",
        "tokens",
        LABELS,
        "Draft tokens, for pools with `speculation`.",
        "The denominator of the acceptance rate.",
    ),
    Definition(
        "vllm_spec_decode_num_accepted_tokens",
        "counter",
        "tokens",
        LABELS,
        "Draft tokens that the model accepted.",
        "A small share of the drafts: draft fewer tokens at a time, or use another draft model.",
    ),
)
