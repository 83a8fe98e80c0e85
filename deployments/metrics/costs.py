"""Metrics of money: what answers cost, by pool and by tenant."""

from __future__ import annotations

from deployments.metrics.definition import CURRENCY, POOL, TENANT, counter, gauge


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
