"""Metrics of what improves the router."""

from __future__ import annotations

from deployments.metrics.definition import POOL, counter, gauge


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
