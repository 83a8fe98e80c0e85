"""Reliability: failures, those that retries hid from users, and those that reached them."""

from __future__ import annotations

from cluster.spec import FleetSpec
from cluster.state import STALE_AFTER_S
from k8s.dashboards.overview import ALERTS
from k8s.dashboards.panels import FLEET, INFERENCE, POOLS, Board, Panel, Query, per_pool


def board(spec: FleetSpec) -> Board:
    """Errors, rejections, retries and broken streams."""
    rows = (("Errors", ERRORS), ("Replicas", REPLICAS), ("Alerts", (ALERTS,)))
    return Board("reliability", "Reliability", "Errors, rejections, retries and broken streams.", rows)


REQUESTS = POOLS.rate("signalbox_requests", "pool", where=INFERENCE)
FAILED = POOLS.rate("signalbox_requests", "pool", where=f'{INFERENCE},status=~"5.."')
MISSED = POOLS.rate("signalbox_slo_missed", "objective")
ERRORS: tuple[Panel, ...] = (
    Panel(
        "Requests by status",
        "HTTP status of inference requests; 499 means that the client disconnected.",
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
        "Answers per second that missed an objective, by objective.",
        "reqps",
        (Query(MISSED, "{{objective}}"),),
    ),
    Panel(
        "Rejected, by reason",
        "Requests that no model answered. busy: add replicas. auth, body, too_large: client errors.",
        "reqps",
        (Query(FLEET.rate("signalbox_rejections", "reason"), "{{reason}}"),),
        kind="area",
    ),
    Panel(
        "Client disconnects",
        "Requests that clients cancelled, by pool. If there are many, answers take too long.",
        "reqps",
        per_pool(POOLS.rate("signalbox_cancelled_requests", "pool")),
    ),
)


REPLICAS: tuple[Panel, ...] = (
    Panel(
        "Retries",
        "Requests sent to another replica before their first byte, in the displayed time range, by the pool that "
        "failed. Users did not notice.",
        "short",
        per_pool(POOLS.increase("signalbox_retries", "$__range", "pool")),
        kind="bars",
    ),
    Panel(
        "Broken streams",
        "Streams that failed after their first byte, in the displayed time range. Users noticed.",
        "short",
        per_pool(POOLS.increase("signalbox_broken_streams", "$__range", "pool")),
        kind="bars",
    ),
    Panel(
        "Report age",
        f"Age of the oldest replica report; after {STALE_AFTER_S:g} s its replica counts as busy. If it rises, an "
        "engine hangs.",
        "s",
        per_pool(POOLS.gauge("max", "signalbox_report_age_seconds", "pool")),
        alarm=STALE_AFTER_S,
    ),
    Panel(
        "Missing replicas",
        "Desired minus ready replicas. If it stays above 0, nodes are missing or starts fail.",
        "short",
        per_pool(
            " - ".join(
                POOLS.gauge("max", "signalbox_replicas", "pool", where=f'state="{state}"')
                for state in ("desired", "ready")
            )
        ),
    ),
    Panel(
        "Scaling paused",
        "1 while the policy cannot decide, by pool.",
        "short",
        per_pool(POOLS.gauge("max", "signalbox_scaling_reason", "pool", where='reason=~"held|problem"')),
    ),
)
