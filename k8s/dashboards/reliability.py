"""Reliability: what failed, what was hidden from users, and what was not."""

from __future__ import annotations

from cluster.spec import FleetSpec
from cluster.state import STALE_AFTER_S
from k8s.dashboards.overview import ALERTS
from k8s.dashboards.panels import FLEET, INFERENCE, POOLS, Board, Panel, Query, per_pool


def board(spec: FleetSpec) -> Board:
    """Errors, refusals, retries and broken streams."""
    rows = (("Errors", ERRORS), ("Replicas", REPLICAS), ("Alerts", (ALERTS,)))
    return Board("reliability", "Reliability", "Errors, refusals, retries and broken streams.", rows)


REQUESTS = POOLS.rate("signalbox_requests", "pool", where=INFERENCE)
FAILED = POOLS.rate("signalbox_requests", "pool", where=f'{INFERENCE},status=~"5.."')
MISSED = POOLS.rate("signalbox_slo_missed", "objective")
ERRORS: tuple[Panel, ...] = (
    Panel(
        "Requests by status",
        "HTTP status of inference requests; 499: the client went away.",
        "reqps",
        (Query(POOLS.rate("signalbox_requests", "status", where=INFERENCE), "{{status}}"),),
        kind="area",
    ),
    Panel(
        "Failed",
        "Share of inference requests that ended with 5xx, by pool.",
        "percentunit",
        per_pool(POOLS.share(FAILED, REQUESTS)),
    ),
    Panel(
        "Missed objectives",
        "Answers per second that missed what they are owed, by objective.",
        "reqps",
        (Query(MISSED, "{{objective}}"),),
    ),
    Panel(
        "Refused, by reason",
        "Requests that no model answered. busy: add replicas; auth, body, too_large: the client's mistake.",
        "reqps",
        (Query(FLEET.rate("signalbox_rejections", "reason"), "{{reason}}"),),
        kind="area",
    ),
    Panel(
        "Clients that went away",
        "Requests cancelled by their clients, by pool. Many: answers take too long for them.",
        "reqps",
        per_pool(POOLS.rate("signalbox_cancelled_requests", "pool")),
    ),
)


REPLICAS: tuple[Panel, ...] = (
    Panel(
        "Tried again",
        "Requests sent to another replica before their first byte, in the time shown, by the pool that failed. Users "
        "saw nothing.",
        "short",
        per_pool(POOLS.increase("signalbox_retries", "$__range", "pool")),
        kind="bars",
    ),
    Panel(
        "Broken streams",
        "Streams that broke off after their first byte, in the time shown. Users saw it.",
        "short",
        per_pool(POOLS.increase("signalbox_broken_streams", "$__range", "pool")),
        kind="bars",
    ),
    Panel(
        "Age of reports",
        f"Oldest current report of a replica; after {STALE_AFTER_S:g} s it counts as busy. Rises: an engine hangs.",
        "s",
        per_pool(POOLS.gauge("max", "signalbox_report_age_seconds", "pool")),
        alarm=STALE_AFTER_S,
    ),
    Panel(
        "Missing replicas",
        "Desired less ready replicas. Stays above 0: nodes are missing or starts fail.",
        "short",
        per_pool(
            " - ".join(
                POOLS.gauge("max", "signalbox_replicas", "pool", where=f'state="{state}"')
                for state in ("desired", "ready")
            )
        ),
    ),
    Panel(
        "Scaling stands still",
        "1 while the policy cannot decide, by pool.",
        "short",
        per_pool(POOLS.gauge("max", "signalbox_scaling_reason", "pool", where='reason=~"held|problem"')),
    ),
)
