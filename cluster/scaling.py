"""The spec's `scaling` section: what pools are sized for, how fast they move, and the devices they share."""

from __future__ import annotations

from typing import Literal

from pydantic import Field

from cluster.part import Name, Part


class ScalingSpec(Part):
    """When pools with `replicas.min < replicas.max` scale up and down (docs/autoscaling.md)."""

    target_ongoing: float = Field(default=16.0, gt=0)
    """Waiting and running requests per replica that scaling aims for until a pool's speed has been learned."""
    policy: Literal["signalbox", "ray-serve"] = "signalbox"
    """What decides: Signalbox for all pools at once, or Ray Serve for each pool separately, by `target_ongoing`."""
    ttft_target_s: float = Field(default=2.0, gt=0)
    """Target for the time to first token; a longer predicted wait in the queue counts as backlog."""
    tpot_target_s: float = Field(default=0.1, gt=0)
    """Target for the time per token after the first; no replica gets a batch that is slower. If a single request takes
    more than half of it per token, the target is twice that request's time."""
    attainment_target: float = Field(default=0.99, gt=0.5, lt=1)
    """Target for the share of requests that meet both targets. A value nearer to 1 keeps more standby replicas."""
    drain_s: float = Field(default=30.0, gt=0)
    """Time in which a new replica should clear the backlog that it was started for."""
    upscale_delay_s: float = Field(default=3.0, ge=0)
    """How long the load must stay above the target before a replica is added."""
    downscale_delay_s: float = Field(default=120.0, ge=0)
    """How long the load must stay below the target before a replica is removed; at least a cold start, so that replicas
    that are expensive to start stay longer."""
    idle_s: float = Field(default=300.0, gt=0)
    """How long a pool with `replicas.min` 0 stays up without a request; at least two cold starts."""
    cold_start_s: float = Field(default=120.0, gt=0)
    """Assumed time from requesting a replica to its first answer, until a start has been measured."""
    forecast: bool = False
    """Whether a rise of the load over the last minutes is expected to continue until a new replica serves. It only adds
    replicas, and helps if loads rise for many minutes."""
    device_budget: int | None = Field(default=None, ge=1)
    """Devices that all pools may use together. None: as many as each kind of hardware has."""
    priorities: dict[Name, int] = Field(default={})
    """Order in which pools get devices if there are not enough: lower numbers first, 10 for pools not named."""
