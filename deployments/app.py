"""The app builder that every target submits: `import_path: deployments.app:build` with the spec as its argument."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from ray import serve
from ray.serve import Application, Deployment

from cluster.pool import PoolSpec, ReplicasSpec
from cluster.scaling import ScalingSpec
from cluster.spec import FleetSpec
from deployments.caches import cache_environment
from deployments.gateway.gateway import GatewayDeployment
from deployments.node_choice import NodeChoice, from_argument, on_nodes
from deployments.placement import actor_options, placement_options
from deployments.replica.replica import PoolReplica

HEALTH_CHECK_PERIOD_S = 2.0
HEALTH_CHECK_TIMEOUT_S = 30.0


def build(args: dict[str, Any]) -> Application:
    """The Serve application of a fleet: a deployment per pool behind the gateway.

    Args:
        args: `{"spec": FleetSpec.model_dump(mode="json")}`; a self-contained spec, no file is read here. Also
            `start_attempts` (`deployments.config.Target`), where the target limits them, and `nodes`
            (`deployments.node_choice.as_argument`), where nodes do not carry Signalbox's label.
    """
    spec = FleetSpec.model_validate(args["spec"])
    data = spec.model_dump(mode="json")
    attempts = {"max_constructor_retry_count": args["start_attempts"]} if "start_attempts" in args else {}
    replica = cast(Deployment, serve.deployment(PoolReplica)).options(**attempts)
    gateway = cast(Deployment, serve.deployment(GatewayDeployment))
    choices = from_argument(args.get("nodes", {}))
    pools = {name: replica.options(name=name, **_placed(spec, name, choices)).bind(data, name) for name in spec.pools}
    return gateway.options(name="gateway", **_gateway_options(spec)).bind(data, pools)


def _placed(spec: FleetSpec, name: str, choices: Mapping[str, NodeChoice]) -> dict[str, Any]:
    """Options of a pool, on the nodes that were chosen for its hardware."""
    options = _pool_options(spec, name)
    if not choices or not spec.pools[name].devices:
        return options
    return on_nodes(options, choices[spec.hardware_name(name)])


def _pool_options(spec: FleetSpec, name: str) -> dict[str, Any]:
    pool: PoolSpec = spec.pools[name]
    return {
        **_size(pool.replicas, spec.scaling, pool.replicas.standby),
        "ray_actor_options": actor_options(spec, name) | _environment(spec),
        **placement_options(spec, name),
        "max_ongoing_requests": pool.engine.max_ongoing_requests,
        "health_check_period_s": HEALTH_CHECK_PERIOD_S,
        "health_check_timeout_s": HEALTH_CHECK_TIMEOUT_S,
        # A replica that is scaled away finishes its streams first.
        "graceful_shutdown_timeout_s": spec.gateway.request_timeout_s,
    }


def _environment(spec: FleetSpec) -> dict[str, Any]:
    """Variables that libraries read when they are imported; Ray hands them on to the actors that a replica starts."""
    variables = cache_environment(spec)
    return {"runtime_env": {"env_vars": variables}} if variables else {}


def _gateway_options(spec: FleetSpec) -> dict[str, Any]:
    return {
        **_size(spec.gateway.replicas, spec.scaling),
        # The gateway waits and relays; its CPU share is not reserved away from the ranks.
        "ray_actor_options": {"num_cpus": 0},
        "max_ongoing_requests": spec.gateway.max_ongoing_per_replica,
        "health_check_period_s": HEALTH_CHECK_PERIOD_S,
        "graceful_shutdown_timeout_s": spec.gateway.request_timeout_s,
    }


def _size(replicas: ReplicasSpec, scaling: ScalingSpec, standby: int = 0) -> dict[str, Any]:
    """A fixed size, or bounds between which `deployments.scaling.policy` or Serve itself decides."""
    if replicas.min == replicas.max:
        return {"num_replicas": replicas.min}
    ours = {
        # The policy waits where waiting is right: nothing is smoothed twice.
        "upscale_delay_s": 0,
        "downscale_delay_s": 0,
        # How soon a pool at zero replicas starts after a request. Deprecated, but the only setting that Serve uses.
        "metrics_interval_s": 1,
        "look_back_period_s": 3,
    }
    serves = {
        "target_ongoing_requests": scaling.target_ongoing,
        "upscale_delay_s": scaling.upscale_delay_s,
        "downscale_delay_s": scaling.downscale_delay_s,
    }
    bounds = {
        "min_replicas": replicas.min,
        "initial_replicas": max(replicas.min + standby, 1),
        "max_replicas": replicas.max,
    }
    return {"autoscaling_config": bounds | (ours if scaling.policy == "signalbox" else serves)}
