"""Ray Serve's default policy, computed by Ray's own functions.

    desired = running replicas x (ongoing requests / (target x running replicas)), rounded up
    up after upscale_delay_s of continuously wanting more, down after downscale_delay_s of wanting fewer

Source: Ray 2.60, ray/serve/autoscaling_policy.py (replica_queue_length_autoscaling_policy and the wrapper around it:
fast path from zero, scaling factors, delays), ray/serve/config.py (AutoscalingConfig and its defaults) and
ray/serve/_private/autoscaling_state.py (ongoing requests are a time-weighted mean over look_back_period_s, including
queued ones; bounds). Ray's wrapper reads the clock, so this module calls each of its steps with virtual time. The
delay of replicas' metrics is not simulated, which favours Ray.
"""

from __future__ import annotations

from typing import Any

from pydantic import Field

from autoscaling.types import PoolSignals
from cluster.part import Part
from cluster.spec import FleetSpec
from simulation.baselines.knowledge import NO_KNOWLEDGE, Knowledge
from simulation.baselines.parameters import Point, read_parameters
from simulation.baselines.per_pool import Bounds, PerPoolPolicy, Proposal
from simulation.baselines.windows import Window


class RayServeParameters(Part):
    """The relevant fields of Ray's AutoscalingConfig, with its defaults."""

    target_ongoing_requests: float = Field(default=2.0, ge=0.01)
    """Target for ongoing requests per replica."""
    upscale_delay_s: float = Field(default=30.0, ge=0)
    """Seconds that more replicas must be wanted before a scale-up."""
    downscale_delay_s: float = Field(default=600.0, ge=0)
    """Seconds that fewer replicas must be wanted before a scale-down."""
    look_back_s: float = Field(default=30.0, gt=10)
    """Window of the mean, in seconds. Ray requires more than the 10 s between two metric pushes."""
    upscaling_factor: float = Field(default=1.0, gt=0)
    """Share of a scale-up that is applied at once."""
    downscaling_factor: float = Field(default=1.0, gt=0)
    """Share of a scale-down that is applied at once."""


GRID: list[Point] = [
    {"target_ongoing_requests": target, "upscale_delay_s": up, "downscale_delay_s": down}
    for target in (2, 4, 8, 16, 32)
    for up, down in ((30, 600), (5, 120))
]


def ray_serve(spec: FleetSpec, parameters: Point, knowledge: Knowledge = NO_KNOWLEDGE) -> PerPoolPolicy:
    """The policy. It needs no knowledge.

    Raises:
        ValueError: a parameter is invalid.
    """
    chosen = read_parameters(RayServeParameters, "ray-serve", parameters)
    return PerPoolPolicy(spec, lambda pool, bounds: RayServeRule(pool, bounds, chosen))


class RayServeRule:
    """One deployment's autoscaling state."""

    def __init__(self, pool: str, bounds: Bounds, parameters: RayServeParameters) -> None:
        # Importing Ray takes seconds, and the other baselines do not need it.
        from ray.serve import autoscaling_policy, config
        from ray.serve._private import common, metrics_utils

        self._ray, self._config, self._common, self._metrics = autoscaling_policy, config, common, metrics_utils
        self._settings = config.AutoscalingConfig(
            min_replicas=bounds.low,
            max_replicas=bounds.high,
            target_ongoing_requests=parameters.target_ongoing_requests,
            look_back_period_s=parameters.look_back_s,
            upscale_delay_s=parameters.upscale_delay_s,
            downscale_delay_s=parameters.downscale_delay_s,
            upscaling_factor=parameters.upscaling_factor,
            downscaling_factor=parameters.downscaling_factor,
        )
        self._id = common.DeploymentID(name=pool)
        self._ongoing = Window(parameters.look_back_s)
        self._state: dict[str, Any] = {}

    def __call__(self, signals: PoolSignals, now_s: float) -> Proposal:
        self._ongoing.add(now_s, signals.demand.held + sum(replica.ongoing for replica in signals.replicas))
        context = self._context(signals, self._mean_ongoing(), now_s)
        target = self._settings.target_ongoing_requests
        return Proposal(
            self._decide(context, now_s), f"{context.total_num_requests:.1f} ongoing, {target:g} per replica"
        )

    def _mean_ongoing(self) -> float:
        series = [self._common.TimeStampedValue(at_s, value) for at_s, value in self._ongoing.timed()]
        return float(self._metrics.aggregate_timeseries(series, self._config.AggregationFunction.MEAN) or 0.0)

    def _context(self, signals: PoolSignals, ongoing: float, now_s: float) -> Any:
        """The context that Ray's controller passes to its policies."""
        return self._config.AutoscalingContext(
            deployment_id=self._id,
            deployment_name=self._id.name,
            app_name=self._id.app_name,
            current_num_replicas=signals.ready,
            target_num_replicas=signals.target,
            running_replicas=[],
            total_num_requests=ongoing,
            total_queued_requests=float(signals.demand.held),
            aggregated_metrics=None,
            raw_metrics=None,
            capacity_adjusted_min_replicas=self._settings.min_replicas,
            capacity_adjusted_max_replicas=self._settings.max_replicas,
            policy_state=self._state,
            last_scale_up_time=None,
            last_scale_down_time=None,
            current_time=now_s,
            config=self._settings,
        )

    def _decide(self, context: Any, now_s: float) -> int:
        """Run the steps of Ray's `_apply_autoscaling_config` around its default policy, at a given time."""
        raw, _ = self._ray.replica_queue_length_autoscaling_policy(context)
        wanted = self._ray._apply_scaling_factors(raw, context.current_num_replicas, context.config)
        if context.current_num_replicas == 0 and wanted > 0:
            return int(wanted)
        replicas, self._state = self._ray._apply_delay_logic(
            max(0, wanted), context.target_num_replicas, context.config, self._state, _now=now_s
        )
        return int(replicas)
