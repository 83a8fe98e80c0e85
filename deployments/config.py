"""The declarative Serve config of a fleet: `signalbox serve` and Kubernetes submit the same one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cluster.pool import ReplicasSpec
from cluster.scaling import ScalingSpec
from cluster.spec import MAX_BODY_BYTES, FleetSpec
from deployments.running_spec import needs_restart, whole

GATEWAY_NODES = {"signalbox/role": "gateway"}
"""Node label of the pods for gateways, and for replicas whose model runs elsewhere."""
SCALING_POLICY = "deployments.scaling.policy:FleetScaling"


@dataclass(frozen=True)
class Target:
    """What the place of deployment decides, not the spec."""

    host: str
    proxy_location: str
    has_room: bool
    """Whether more nodes can be had: then a new version's replica starts before an old one stops."""
    gateway_nodes: Mapping[str, str] | None
    """Label of the nodes for gateways and for replicas without devices, one gateway on each; None is any node."""
    start_attempts: int | None
    """How often a pool's first replicas may fail before Serve gives it up; None leaves it to Serve."""


WITHOUT_END = 1_000_000
LAPTOP = Target(
    host="127.0.0.1", proxy_location="HeadOnly", has_room=False, gateway_nodes=None, start_attempts=WITHOUT_END
)
"""A pool whose remote is down, or whose model somebody repairs, comes back without a restart of the fleet."""
KUBERNETES = Target(
    host="0.0.0.0", proxy_location="EveryNode", has_room=True, gateway_nodes=GATEWAY_NODES, start_attempts=None
)
"""Every node needs a proxy: RayService probes workers through it, and HeadOnly would leave them unready."""
MAX_MESSAGE_BYTES = 4 * MAX_BODY_BYTES
"""A pickled request is larger than its JSON: three times as large if it is full of small numbers."""
SERVING_ENVIRONMENT = {
    "RAY_SERVE_THROUGHPUT_OPTIMIZED": "1",
    # That setting holds 1,000 log lines back. The access log, which it is meant for, is off.
    "RAY_SERVE_REQUEST_PATH_LOG_BUFFER_SIZE": "1",
    # Requests travel in one message, whose largest size is 4 MiB by default. Answers travel in parts.
    "RAY_SERVE_REPLICA_GRPC_MAX_MESSAGE_LENGTH": str(MAX_MESSAGE_BYTES),
    "VLLM_LOGGING_COLOR": "0",  # Serve's files are no terminals, but look like one to vLLM
    # HAProxy's request metrics have the HTTP method as clients send it, and any word is a method.
    "RAY_SERVE_HAPROXY_METRICS_ENABLED": "0",
    "RAY_ENABLE_UV_RUN_RUNTIME_ENV": "0",
    "RAY_USAGE_STATS_ENABLED": "0",
    # Ray gives its workers the lowest priority; here they are the engines that somebody waits for.
    "RAY_worker_niceness": "0",
}
"""What every process of a cluster has to know before it imports Ray, wherever it runs."""
RETRYING_ENVIRONMENT = {"RAY_SERVE_MAX_PER_REPLICA_RETRY_COUNT": str(WITHOUT_END)}
"""For Serve's controller: without it, `start_attempts` counts up to three only."""
METRICS_EVERY_MS = 5_000
"""Ray's default is 10 s; every process of every node pushes that often, idle or not."""


def serve_config(spec: FleetSpec, target: Target) -> dict[str, Any]:
    """A dict for `ray.serve.schema.ServeDeploySchema`.

    Serve replaces all replicas if `args` or `autoscaling_policy` change; options of deployments change in place. The
    spec's `kubernetes` section is no part of it, because nothing that runs reads it.
    """
    return {
        "proxy_location": target.proxy_location,
        "http_options": {"host": target.host, "port": spec.gateway.port},
        # At INFO, Serve's controller would log the whole spec, with the hashes of its API keys.
        "logging_config": {"log_level": "WARNING", "enable_access_log": False},
        "applications": [
            {
                "name": spec.name,
                "route_prefix": "/",
                "import_path": "deployments.app:build",
                "args": {"spec": needs_restart(spec)} | _attempts(target),
                # Serve logs at INFO what replicas print, such as the tracebacks of libraries.
                "logging_config": {"log_level": "INFO", "enable_access_log": False},
                "deployments": _deployments(spec, target),
                **_scaling(spec),
            }
        ],
    }


def _attempts(target: Target) -> dict[str, Any]:
    return {"start_attempts": target.start_attempts} if target.start_attempts is not None else {}


def _deployments(spec: FleetSpec, target: Target) -> list[dict[str, Any]]:
    """The options that change in place, and what the target adds to those of `deployments.app`."""
    common: dict[str, Any] = {"graceful_shutdown_timeout_s": spec.gateway.request_timeout_s}  # streams end first
    if target.has_room:
        # Serve would stop a pool's only replica first, and start its successor for minutes.
        common["max_surge_percent"] = spec.kubernetes.upgrade.replica_surge_percent
    gateway = {
        "name": "gateway",
        "user_config": {"spec": whole(spec)},
        "max_ongoing_requests": spec.gateway.max_ongoing_per_replica,
        **size(spec.gateway.replicas, spec.scaling),
    }
    pools = [
        {
            "name": name,
            "user_config": {"log_level": spec.log_level},
            **size(pool.replicas, spec.scaling, pool.replicas.standby),
        }
        for name, pool in spec.pools.items()
    ]
    if target.gateway_nodes is not None:
        gateway["max_replicas_per_node"] = 1
        for each in (gateway, *pools):
            if each["name"] not in spec.pools or not spec.pools[each["name"]].devices:
                each["ray_actor_options"] = _on_nodes(target.gateway_nodes)
    return [each | common for each in (gateway, *pools)]


def _on_nodes(labels: Mapping[str, str]) -> dict[str, Any]:
    """An actor that waits and relays: with no CPU at all, Ray would take its node for idle and stop it."""
    return {"num_cpus": 0.01, "label_selector": dict(labels)}


def size(replicas: ReplicasSpec, scaling: ScalingSpec, standby: int = 0) -> dict[str, Any]:
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


def _scaling(spec: FleetSpec) -> dict[str, Any]:
    """One policy for the whole application, where Signalbox decides and anything may change its size."""
    bounds = [spec.gateway.replicas, *(pool.replicas for pool in spec.pools.values())]
    if spec.scaling.policy != "signalbox" or all(each.min == each.max for each in bounds):
        return {}
    kwargs = {"spec": needs_restart(spec)}
    return {"autoscaling_policy": {"policy_function": SCALING_POLICY, "policy_kwargs": kwargs}}
