"""Time series of the fleet, for plots."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass
class PoolSeries:
    """One pool at every decision. All lists have the same length."""

    arrivals_per_s: list[float] = field(default_factory=list)
    """Requests per second routed to it, mean over the gateway's window."""
    ready: list[int] = field(default_factory=list)
    target: list[int] = field(default_factory=list)
    queue: list[int] = field(default_factory=list)
    """Requests that wait at the gateway or in an engine."""
    running: list[int] = field(default_factory=list)
    kv_usage_ratio: list[float] = field(default_factory=list)
    """Mean over its replicas, 0..1."""


@dataclass(frozen=True)
class ScaleEvent:
    """A change of a pool's desired replicas."""

    at_s: float
    pool: str
    before: int
    after: int
    reason: str


@dataclass
class Series:
    """All time series and scaling decisions."""

    at_s: list[float] = field(default_factory=list)
    pools: dict[str, PoolSeries] = field(default_factory=dict)
    events: list[ScaleEvent] = field(default_factory=list)
