"""Metrics of requests: how many there are and how they end."""

from __future__ import annotations

from deployments.metrics.definition import POOL, TENANT, counter, gauge
from deployments.metrics.rejections import REASONS


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
