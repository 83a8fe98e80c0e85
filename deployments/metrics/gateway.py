"""Every metric of a gateway replica, and the table of all metrics, from which docs/metrics.md is generated.

Labels take few values: names from the spec and fixed words, never text from a client.
"""

from __future__ import annotations

from deployments.metrics.definition import CURRENCY, POOL, TENANT, counter, definitions, gauge, histogram
from deployments.metrics.engine import EngineMetrics
from deployments.metrics.rejections import REASONS
from deployments.metrics.scaling import PolicyMetrics, ScalingMetrics

SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0)
TOKEN_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.02, 0.03, 0.05, 0.075, 0.1, 0.15, 0.25, 0.5, 1.0, 2.5)
TENTHS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)


class RequestMetrics:
    """Requests and how they end."""

    requests = counter(
        "signalbox_requests",
        "requests",
        {"path": "the path; `other`: unknown paths and the page's files", "status": "HTTP status; 499: the client left"}
        | {"pool": "the last pool that was asked; none: rejected before one was chosen"},
        "Completed HTTP requests.",
        "5xx: see the reason in `signalbox_rejections`. No requests: nothing reaches the gateway; check the proxy.",
    )
    rejections = counter(
        "signalbox_rejections",
        "requests",
        TENANT | {"reason": ", ".join(REASONS)},
        "Requests that ended with an error, by reason.",
        "`busy`, `no_pool`: there are too few replicas. `engine`, `timeout`, `internal`: check the pools and the "
        "gateway's log. `storage`: `state_folder` cannot be written. All others are client errors.",
    )
    retries = counter(
        "signalbox_retries",
        "requests",
        POOL,
        "Requests that were retried on another replica before the first byte, by the pool that failed or was full.",
        "During replica restarts: no action. Otherwise the pool is full: raise `replicas.max`.",
    )
    broken_streams = counter(
        "signalbox_broken_streams",
        "requests",
        POOL,
        "Streams that broke after their first byte; the client got an error event.",
        "Replicas die while they answer: check their logs and the memory of their nodes.",
    )
    cancelled = counter(
        "signalbox_cancelled_requests",
        "requests",
        POOL,
        "Requests whose client disconnected.",
        "Rises with TTFT: clients stop waiting.",
    )
    ongoing = gauge(
        "signalbox_gateway_ongoing",
        "requests",
        POOL,
        "Requests that gateway replicas have open at a pool, including queued ones.",
        "Above the engines' waiting and running requests: requests queue in Serve's handles.",
    )
    held = gauge(
        "signalbox_gateway_held",
        "requests",
        POOL,
        "Open requests that wait for a pool without a ready replica.",
        "They start the pool. Above 0 for longer than a cold start: the pool does not start; check its replicas.",
    )


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


class RoutingMetrics:
    """Routing decisions."""

    decisions = counter(
        "signalbox_route_decisions",
        "requests",
        POOL | {"mode": "pinned (by name), auto, cheap, best"},
        "Routing decisions by chosen pool.",
        "The mix changes without a change in traffic: check lambda, the fallbacks and the artifact in use.",
    )
    score = histogram(
        "signalbox_route_score",
        "0..1",
        POOL,
        "Complexity of routed queries: how likely the small tier is to fail.",
        "It drifts: traffic changed. Collect outcomes and retrain (docs/routing.md).",
        TENTHS,
    )
    quality = histogram(
        "signalbox_route_quality",
        "0..1",
        POOL,
        "Predicted quality of the chosen pool, for requests that were not pinned.",
        "Falls: the budget is tight, or load sends queries to less capable pools.",
        TENTHS,
    )
    spills = counter(
        "signalbox_route_spills",
        "requests",
        {"from": "the better pool", "to": "the chosen pool"},
        "Decisions in which load changed the pool.",
        "Many: the better pool is too small; raise its `replicas.max`.",
    )
    wakes = counter(
        "signalbox_route_wakes",
        "requests",
        POOL,
        "Decisions that would have chosen a pool at zero replicas, and start it.",
        "Many: the pool scales to zero too soon; raise `scaling.idle_s` or its `replicas.min`.",
    )
    fallbacks = counter(
        "signalbox_route_fallbacks",
        "requests",
        {},
        "Decisions with an uncertain prediction, because the request is unlike the prompts of training.",
        "Many: train a model on your own traffic (docs/routing.md).",
    )
    escalations = counter(
        "signalbox_escalations",
        "requests",
        POOL | {"to": "the pool that was asked instead"},
        "Answers that were dropped before their first byte, by the pool that gave them.",
        "Rises without a change in traffic: check the cheap pool's model and `routing.escalation.model`.",
    )
    cost_lambda = gauge(
        "signalbox_route_lambda",
        f"quality per unit of {CURRENCY}",
        {},
        "Quality that the router gives up per unit of cost, if the spec sets a budget.",
        "Falls: the budget allows more than requests need. Rises: the budget is tight.",
        over="max",
    )


class CostMetrics:
    """Cost of answers."""

    predicted_cost = counter(
        "signalbox_predicted_cost",
        CURRENCY,
        POOL,
        "Expected cost of routed requests.",
        "Far from the realised cost: predictions of answer lengths are wrong; retrain the router.",
    )
    realised_cost = counter(
        "signalbox_realised_cost",
        CURRENCY,
        POOL,
        "Cost of the tokens of answers, including dropped answers.",
        "Rises faster than requests: more of them use expensive pools, or answers got longer.",
    )
    always_large_cost = counter(
        "signalbox_always_large_cost",
        CURRENCY,
        {"pool": "the pool that answered"},
        "What the answers that clients got would have cost, token for token, in the most expensive pool of the large "
        "tier. Subtract the realised cost to get the savings. A large model's own answer may be longer or shorter.",
        "Savings fall: check the mix of decisions, the escalations and lambda.",
    )
    spend_ratio = gauge(
        "signalbox_budget_spend_ratio",
        "1 is the budget",
        {},
        "Mean spend of the newest requests of all gateway replicas, in units of `routing.budget`, if one is set.",
        "Above 1 for long: too many requests are pinned or spill to expensive pools, which lambda does not control.",
        over="max",
    )


class TenantMetrics:
    """Tenants."""

    tenant_requests = counter(
        "signalbox_tenant_requests",
        "requests",
        TENANT,
        "Requests for an answer (chat, completion, generate), including rejected ones.",
        "One tenant far above its usual rate: contact it, or remove its key from the spec.",
    )
    tenant_tokens = counter(
        "signalbox_tenant_tokens",
        "tokens",
        TENANT | {"kind": "prompt, completion"},
        "Tokens of answers by tenant.",
        "As for `signalbox_tenant_requests`.",
    )
    tenant_cost = counter(
        "signalbox_tenant_cost",
        CURRENCY,
        TENANT,
        "Cost of a tenant's tokens.",
        "Rises faster than its requests: the tenant pins expensive pools; give its key `default: auto:cheap`.",
    )


class LearningMetrics:
    """Shadow requests, feedback and labels."""

    comparisons = counter(
        "signalbox_comparisons",
        "requests",
        POOL | {"result": "labelled, abstained (not comparable), failed, dropped (pool busy), too_expensive"},
        "Answered requests that another tier was to answer as well, by the pool and the result.",
        "Many `too_expensive`: raise `routing.learn.max_extra_cost` to learn faster. Many `abstained`: the answers are "
        "prose; name a pool in `routing.learn.judge`, or collect graded prompts.",
    )
    labels = gauge(
        "signalbox_labels",
        "labels",
        {"source": "comparison, feedback"},
        "Labels of own traffic that the router learns from.",
        "Falls to 0: `state_folder` was lost.",
    )

    shadow = counter(
        "signalbox_shadow_requests",
        "requests",
        POOL | {"result": "recorded, failed, dropped (pool busy)"},
        "Shadow requests by result.",
        "Many `dropped`: the shadow pool is busy; lower `routing.shadow.share` or add replicas.",
    )
    feedback = counter(
        "signalbox_feedback",
        "scores",
        {"tier": "the tier that answered: small, moe, large"},
        "Scores that clients sent for answers.",
        "A few hundred scores are there: train the router on `state_folder/feedback`.",
    )


class GatewayMetrics(
    RequestMetrics, AnswerMetrics, RoutingMetrics, CostMetrics, TenantMetrics, LearningMetrics, ScalingMetrics
):
    """What a gateway replica exports."""


SECTIONS = (*GatewayMetrics.__bases__, PolicyMetrics, EngineMetrics)
"""Classes with metrics, in the order of docs/metrics.md."""
TABLE = definitions(SECTIONS)
"""All metrics of Signalbox; vLLM and Serve export more."""
