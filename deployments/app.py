"""The app builder that every target submits: `import_path: deployments.app:build` with the spec as its argument."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, cast

from ray import serve
from ray.serve import Application, Deployment

from cluster.spec import FleetSpec
from deployments.caches import cache_environment
from deployments.gateway.deployment import GatewayDeployment
from deployments.node_choice import NodeChoice, from_argument, on_nodes
from deployments.placement import actor_options, placement_options
from deployments.replica.replica import PoolReplica

HEALTH_CHECK_PERIOD_S = 2.0
HEALTH_CHECK_TIMEOUT_S = 30.0


def build(args: dict[str, Any]) -> Application:
    """The Serve application of a fleet: a deployment per pool behind the gateway.

    Args:
        args: `{"spec": deployments.running_spec.needs_restart(spec)}`; no file is read here. Also `start_attempts`
            (`deployments.config.Target`), where the target limits them, and `nodes`
            (`deployments.node_choice.as_argument`), where nodes do not carry Signalbox's label. All else is in
            `deployments.config`.
    """
    spec = FleetSpec.model_validate(args["spec"])
    data = args["spec"]
    attempts = {"max_constructor_retry_count": args["start_attempts"]} if "start_attempts" in args else {}
    replica = cast(Deployment, serve.deployment(PoolReplica)).options(**attempts)
    gateway = cast(Deployment, serve.deployment(GatewayDeployment))
    choices = from_argument(args.get("nodes", {}))
    pools = {name: replica.options(name=name, **_placed(spec, name, choices)).bind(data, name) for name in spec.pools}
    return gateway.options(name="gateway", **_gateway_options()).bind(pools)


def _placed(spec: FleetSpec, name: str, choices: Mapping[str, NodeChoice]) -> dict[str, Any]:
    """Options of a pool, on the nodes that were chosen for its hardware."""
    options = _pool_options(spec, name)
    if not choices or not spec.pools[name].devices:
        return options
    return on_nodes(options, choices[spec.hardware_name(name)])


def _pool_options(spec: FleetSpec, name: str) -> dict[str, Any]:
    return {
        "ray_actor_options": actor_options(spec, name) | _environment(spec),
        **placement_options(spec, name),
        "max_ongoing_requests": spec.pools[name].engine.max_ongoing_requests,
        "health_check_period_s": HEALTH_CHECK_PERIOD_S,
        "health_check_timeout_s": HEALTH_CHECK_TIMEOUT_S,
    }


def _environment(spec: FleetSpec) -> dict[str, Any]:
    """Variables that libraries read when they are imported; Ray hands them on to the actors that a replica starts."""
    variables = cache_environment(spec)
    return {"runtime_env": {"env_vars": variables}} if variables else {}


def _gateway_options() -> dict[str, Any]:
    return {
        # The gateway waits and relays; its CPU share is not reserved away from the ranks.
        "ray_actor_options": {"num_cpus": 0},
        "health_check_period_s": HEALTH_CHECK_PERIOD_S,
    }
