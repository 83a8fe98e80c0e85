"""The spec's `scaling` section: what pools are sized for, how fast they move, and the devices they share."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from cluster.part import Name, Part


class ScalingSpec(Part):
    """When pools with `replicas.min < replicas.max` grow and shrink (docs/autoscaling.md)."""

    target_ongoing: float = Field(default=16.0, gt=0)
    """Requests waiting or running per replica that scaling aims for as long as nothing is learned of a pool's speed."""
    policy: Literal["signalbox", "ray-serve"] = "signalbox"
    """Who decides: Signalbox for all pools at once, or Ray Serve itself for each pool alone, by `target_ongoing`."""
    ttft_target_s: float = Field(default=2.0, gt=0)
    """Time to first token that requests are owed: a longer predicted wait in the queue counts as backlog."""
    tpot_target_s: float = Field(default=0.1, gt=0)
    """Time per token after the first that requests are owed: replicas get no batch that is slower. Where a model alone
    takes longer than half of it, twice that time."""
    attainment_target: float = Field(default=0.99, gt=0.5, lt=1)
    """Share of requests that are to get those times. The nearer to 1, the more replicas stand by for surges."""
    drain_s: float = Field(default=30.0, gt=0)
    """Time within which a new replica has worked off the backlog that it was started for."""
    upscale_delay_s: float = Field(default=3.0, ge=0)
    """How long the load must stay above the target before a replica is added."""
    downscale_delay_s: float = Field(default=120.0, ge=0)
    """How long the load must stay below the target before a replica is removed; at least a cold start, so that what is
    dear to start is kept longer."""
    idle_s: float = Field(default=300.0, gt=0)
    """How long a pool with `replicas.min` 0 stays up without a request; at least two cold starts."""
    cold_start_s: float = Field(default=120.0, gt=0)
    """From asking for a replica to its first answer, as long as none was measured."""
    forecast: bool = False
    """Whether a rise of the load over the last minutes is expected to go on until a new replica serves. It only ever
    adds replicas: worth it where loads grow for many minutes on end."""
    device_budget: int | None = Field(default=None, ge=1)
    """Devices that all pools may take together. None: as many as each kind of hardware has."""
    priorities: dict[Name, int] = Field(default={})
    """Who gets devices first when there are not enough, by pool; lower numbers first, 10 where a pool is not named."""
