"""Every metric of a gateway replica, and the table of all there are. Each name stands once, with what docs/metrics.md
says of it. Labels take few values: names of the spec and fixed words, never a client's text."""

from __future__ import annotations

from deployments.metrics.definition import CURRENCY, POOL, TENANT, counter, definitions, gauge, histogram
from deployments.metrics.engine import EngineMetrics
from deployments.metrics.rejections import REASONS
from deployments.metrics.scaling import PolicyMetrics, ScalingMetrics

SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0)
TOKEN_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.25, 0.5, 1.0, 2.5)
TENTHS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)


class RequestMetrics:
    """How requests end."""

    requests = counter(
        "signalbox_requests",
        "requests",
        {"path": "a path; `other`: unknown ones and the page's files", "status": "HTTP status, 499: the client left"}
        | {"pool": "the pool that was asked last; none: refused before one was chosen"},
        "HTTP requests that have ended.",
        "5xx: see `signalbox_rejections` for the kind. None at all: nothing reaches the gateway; look at the proxy.",
    )
    rejections = counter(
        "signalbox_rejections",
        "requests",
        TENANT | {"reason": ", ".join(REASONS)},
        "Requests that ended with an error, by the kind of it.",
        "`busy`, `no_pool`: too few replicas. `engine`, `timeout`, `internal`: look at the pools and at the gateway's "
        "log. `storage`: `state_folder` cannot be written. The others are the client's: tell it what the error says.",
    )
    retries = counter(
        "signalbox_retries",
        "requests",
        POOL,
        "Requests sent to another replica before the first byte, by the pool that failed or was full.",
        "Beside restarts of replicas it passes. Without them the pool is full: raise `replicas.max`.",
    )
    broken_streams = counter(
        "signalbox_broken_streams",
        "requests",
        POOL,
        "Streams that broke after their first byte: the client got an error event.",
        "Replicas die while they answer: look at their logs, and at the nodes' memory.",
    )
    cancelled = counter(
        "signalbox_cancelled_requests",
        "requests",
        POOL,
        "Requests whose client went away.",
        "Rises with TTFT: clients give up waiting.",
    )
    ongoing = gauge(
        "signalbox_gateway_ongoing",
        "requests",
        POOL,
        "Requests that gateway replicas have open at a pool, queue included.",
        "Above what engines report as waiting and running: requests queue in Serve's handles.",
    )
    held = gauge(
        "signalbox_gateway_held",
        "requests",
        POOL,
        "Of those, requests that wait for a pool without a ready replica.",
        "They wake the pool. Above 0 for longer than a cold start: it does not come up.",
    )


class AnswerMetrics:
    """How long answers take, whether they meet their objectives, and how many tokens they are."""

    ttft = histogram(
        "signalbox_ttft_seconds",
        "seconds",
        POOL,
        "Time to first token: arrival of the request to the first byte sent, for streams.",
        "Rises with queue depth: add replicas. Rises alone: prompts got longer, or answers are held for a judgement.",
        SECONDS,
    )
    tpot = histogram(
        "signalbox_tpot_seconds",
        "seconds",
        POOL,
        "Time per output token after the first, for streams of several tokens.",
        "Rises with `running`: batches are too large for the target. Rises alone: look at the devices.",
        TOKEN_SECONDS,
    )
    e2e = histogram(
        "signalbox_e2e_latency_seconds",
        "seconds",
        POOL,
        "Arrival of the request to the last byte of its answer.",
        "Compare with TTFT and TPOT: where neither moved, answers got longer.",
        SECONDS,
    )
    slo_answers = counter(
        "signalbox_slo_answers",
        "answers",
        {"pool": "who answered; none: no pool could"},
        "Answers that the objectives are about: complete ones and errors that are not the client's (5xx, 429).",
        "The denominator of attainment.",
    )
    slo_met = counter(
        "signalbox_slo_met",
        "answers",
        POOL,
        "Answers that met every objective; their rate is the goodput.",
        "Below `scaling.attainment_target` of the answers: see which objective is missed.",
    )
    slo_missed = counter(
        "signalbox_slo_missed",
        "answers",
        {"pool": "who answered; none: no pool could", "objective": "ttft, tpot, error"},
        "Answers that missed an objective; one may miss several. Targets are `scaling.ttft_target_s` and "
        "`scaling.tpot_target_s`, counted from the request's arrival. A whole answer (not streamed) has only one time: "
        "beyond what both targets allow together it misses both.",
        "`ttft`: queues or held requests. `tpot`: batches. `error`: see `signalbox_rejections`.",
    )
    prompt_tokens = counter(
        "signalbox_prompt_tokens",
        "tokens",
        POOL,
        "Prompt tokens of answers, those of dropped answers included.",
        "Longer prompts at the same rate of requests: TTFT and KV usage follow.",
    )
    cached_tokens = counter(
        "signalbox_cached_prompt_tokens",
        "tokens",
        POOL,
        "Of the prompt tokens, those whose KV came from the prefix cache, where the engine says.",
        "The share falls: conversations change pools (see spills), or the cache is too small for them.",
    )
    completion_tokens = counter(
        "signalbox_completion_tokens",
        "tokens",
        POOL,
        "Generated tokens of answers, those of dropped answers included.",
        "Longer answers at the same rate of requests: capacity in requests falls.",
    )


class RoutingMetrics:
    """Where queries go."""

    decisions = counter(
        "signalbox_route_decisions",
        "requests",
        POOL | {"mode": "pinned (by name), auto, cheap, best"},
        "Routing decisions by the pool that was chosen.",
        "The mix moves without a change of traffic: look at lambda, at fallbacks, and at the artifact in use.",
    )
    score = histogram(
        "signalbox_route_score",
        "0..1",
        POOL,
        "Complexity of routed queries: how likely the small tier is to fail.",
        "It drifts: traffic changed. Collect outcomes and train again (docs/routing.md).",
        TENTHS,
    )
    quality = histogram(
        "signalbox_route_quality",
        "0..1",
        POOL,
        "Predicted quality of the chosen pool, for requests that were not pinned.",
        "Falls: the budget is tight, or load sends queries to lesser pools.",
        TENTHS,
    )
    spills = counter(
        "signalbox_route_spills",
        "requests",
        {"from": "the pool that was better", "to": "the one chosen"},
        "Decisions that load changed.",
        "Many: the first pool is too small; raise its `replicas.max`.",
    )
    wakes = counter(
        "signalbox_route_wakes",
        "requests",
        POOL,
        "Decisions that wanted a pool scaled to zero.",
        "Many: it sleeps too soon; raise `scaling.idle_s`, or its `replicas.min`.",
    )
    fallbacks = counter(
        "signalbox_route_fallbacks",
        "requests",
        {},
        "Decisions made by rules because the learned model could not speak.",
        "Many: it was trained on other traffic. Train on your own (docs/routing.md).",
    )
    escalations = counter(
        "signalbox_escalations",
        "requests",
        POOL | {"to": "the pool asked instead"},
        "Answers dropped before their first byte, by the pool that gave them.",
        "Rises without a change of traffic: the cheap pool's model or `routing.escalation.model` are off.",
    )
    cost_lambda = gauge(
        "signalbox_route_lambda",
        f"quality per unit of {CURRENCY}",
        {},
        "Quality given up per unit of cost, where a budget is held.",
        "Falling: the budget allows more than is asked. Rising: it is short.",
        over="max",
    )


class CostMetrics:
    """What answers cost, and what they would have cost."""

    predicted_cost = counter(
        "signalbox_predicted_cost",
        CURRENCY,
        POOL,
        "Expected cost of routed requests.",
        "Compare with the realised cost: far apart, predictions of answer lengths are off.",
    )
    realised_cost = counter(
        "signalbox_realised_cost",
        CURRENCY,
        POOL,
        "Cost of the tokens of answers, those of dropped answers included.",
        "Rises faster than requests: the mix moved to dearer pools, or answers got longer.",
    )
    always_large_cost = counter(
        "signalbox_always_large_cost",
        CURRENCY,
        {"pool": "who answered"},
        "What the tokens of the answers that clients got would have cost in the dearest pool of the large tier. "
        "Less the realised cost, it is what routing saves; a large model's own answer may be longer or shorter.",
        "Saves less: see the mix of decisions, escalations and lambda.",
    )
    spend_ratio = gauge(
        "signalbox_budget_spend_ratio",
        "1 is the budget",
        {},
        "Mean spend of the newest requests of all gateway replicas in units of `routing.budget`, where one is set.",
        "Above 1 for long: too many requests are pinned or spill to dear pools; lambda cannot reach those.",
        over="max",
    )


class TenantMetrics:
    """Who asks."""

    tenant_requests = counter(
        "signalbox_tenant_requests",
        "requests",
        TENANT,
        "Requests to be answered by a model (chat, completion, generate), refused ones included.",
        "One tenant far above its usual: ask it, or take its key out of the spec.",
    )
    tenant_tokens = counter(
        "signalbox_tenant_tokens",
        "tokens",
        TENANT | {"kind": "prompt, completion"},
        "Tokens of answers by who asked.",
        "As for requests.",
    )
    tenant_cost = counter(
        "signalbox_tenant_cost",
        CURRENCY,
        TENANT,
        "Cost of those tokens.",
        "Rises faster than its requests: the tenant pins dear pools; give its key `default: auto:cheap`.",
    )


class LearningMetrics:
    """What the router learns from."""

    shadow = counter(
        "signalbox_shadow_requests",
        "requests",
        POOL | {"result": "recorded, failed, dropped (too much to do)"},
        "Shadow requests.",
        "Many `dropped`: the shadow pool is busy; lower `routing.shadow.share`.",
    )
    feedback = counter(
        "signalbox_feedback",
        "scores",
        {"tier": "the tier that answered: small, moe, large"},
        "Scores that clients sent.",
        "Enough of them: train the router on `state_folder/feedback`.",
    )


class GatewayMetrics(
    RequestMetrics, AnswerMetrics, RoutingMetrics, CostMetrics, TenantMetrics, LearningMetrics, ScalingMetrics
):
    """What a gateway replica exports."""


SECTIONS = (*GatewayMetrics.__bases__, PolicyMetrics, EngineMetrics)
"""Classes with metrics, in the order in which docs/metrics.md tells of them."""
TABLE = definitions(SECTIONS)
"""All metrics of Signalbox; vLLM's and Serve's own come besides."""
