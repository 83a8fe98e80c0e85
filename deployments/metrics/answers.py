"""Metrics of answers: how long they take and how many tokens they have."""

from __future__ import annotations

from deployments.metrics.definition import POOL, counter, histogram

SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0)
TOKEN_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.25, 0.5, 1.0, 2.5)


class AnswerMetrics:
    """Answers: latency, objectives and tokens."""

    ttft = histogram(
        "signalbox_ttft_seconds",
        "seconds",
        POOL,
        "Time to first token (TTFT) of streams: from the request's arrival to the first byte sent.",
        "Rises with queue depth: add replicas. Rises alone: prompts got longer, or more answers are judged first.",
        SECONDS,
    )
    tpot = histogram(
        "signalbox_tpot_seconds",
        "seconds",
        POOL,
        "Time per output token (TPOT) after the first, for streams of several tokens.",
        "Rises with `running`: batches are too large for the target. Rises alone: check the devices.",
        TOKEN_SECONDS,
    )
    e2e = histogram(
        "signalbox_e2e_latency_seconds",
        "seconds",
        POOL,
        "From the request's arrival to the last byte of its answer.",
        "Compare with TTFT and TPOT: if neither moved, answers got longer.",
        SECONDS,
    )
    slo_answers = counter(
        "signalbox_slo_answers",
        "answers",
        {"pool": "the pool that answered; none: no pool could"},
        "Answers that count towards the objectives: complete ones, and errors of the service (5xx, 429).",
        "The denominator of attainment.",
    )
    slo_met = counter(
        "signalbox_slo_met",
        "answers",
        POOL,
        "Answers that met every objective; their rate is the goodput.",
        "Below `scaling.attainment_target` of the answers: see which objective they miss.",
    )
    slo_missed = counter(
        "signalbox_slo_missed",
        "answers",
        {"pool": "the pool that answered; none: no pool could", "objective": "ttft, tpot, error"},
        "Answers that missed an objective; one may miss several. Targets are `scaling.ttft_target_s` and "
        "`scaling.tpot_target_s`, counted from the request's arrival. A whole answer (not streamed) has only one time: "
        "if that exceeds what both targets allow together, it misses both.",
        "`ttft`: requests queue or are held. `tpot`: batches are too large. `error`: see `signalbox_rejections`.",
    )
    prompt_tokens = counter(
        "signalbox_prompt_tokens",
        "tokens",
        POOL,
        "Prompt tokens of answers, including dropped answers.",
        "Longer prompts at the same request rate: TTFT and KV usage rise.",
    )
    cached_tokens = counter(
        "signalbox_cached_prompt_tokens",
        "tokens",
        POOL,
        "Prompt tokens whose KV came from the prefix cache, for engines that report it.",
        "Its share of the prompt tokens falls: conversations change pools (see spills), or the cache is too small.",
    )
    completion_tokens = counter(
        "signalbox_completion_tokens",
        "tokens",
        POOL,
        "Generated tokens of answers, including dropped answers.",
        "Longer answers at the same request rate: each replica serves fewer requests.",
    )
