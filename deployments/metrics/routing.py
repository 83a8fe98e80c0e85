"""Metrics of decisions: which pool is chosen, and why."""

from __future__ import annotations

from deployments.metrics.definition import CURRENCY, POOL, counter, gauge, histogram

TENTHS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)


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
