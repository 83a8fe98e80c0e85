"""The declarative Serve config of a fleet: `signalbox serve` and Kubernetes submit the same one."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cluster.spec import MAX_BODY_BYTES, FleetSpec

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
    """How often a pool's first replicas may fail before the fleet has failed; None leaves it to Serve."""


LAPTOP = Target(host="127.0.0.1", proxy_location="HeadOnly", has_room=False, gateway_nodes=None, start_attempts=1)
"""Somebody waits for the reason, and a second attempt of the same engine on the same machine ends alike."""
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
METRICS_EVERY_MS = 5_000
"""Ray's default is 10 s; every process of every node pushes that often, idle or not."""


def serve_config(spec: FleetSpec, target: Target) -> dict[str, Any]:
    """A dict for `ray.serve.schema.ServeDeploySchema`. The spec's `kubernetes` section is no part of it: nothing that
    runs reads it, and Serve would restart every replica when it changes."""
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
                "args": {"spec": _running_spec(spec)} | _attempts(target),
                # Serve logs at INFO what replicas print, such as the tracebacks of libraries.
                "logging_config": {"log_level": "INFO", "enable_access_log": False},
                **_deployments(spec, target),
                **_scaling(spec),
            }
        ],
    }


def _attempts(target: Target) -> dict[str, Any]:
    return {"start_attempts": target.start_attempts} if target.start_attempts is not None else {}


def _deployments(spec: FleetSpec, target: Target) -> dict[str, Any]:
    """What the target adds to the options of `deployments.app`, by deployment."""
    options: dict[str, dict[str, Any]] = {name: {} for name in ("gateway", *spec.pools)}
    if target.has_room:
        # Serve would stop a pool's only replica first, and start its successor for minutes.
        for each in options.values():
            each["max_surge_percent"] = spec.kubernetes.upgrade.replica_surge_percent
    if target.gateway_nodes is not None:
        options["gateway"]["max_replicas_per_node"] = 1
        for name in ("gateway", *(name for name, pool in spec.pools.items() if not pool.devices)):
            options[name]["ray_actor_options"] = _on_nodes(target.gateway_nodes)
    written = [{"name": name} | each for name, each in options.items() if each]
    return {"deployments": written} if written else {}


def _on_nodes(labels: Mapping[str, str]) -> dict[str, Any]:
    """An actor that waits and relays: with no CPU at all, Ray would take its node for idle and stop it."""
    return {"num_cpus": 0.01, "label_selector": dict(labels)}


def _scaling(spec: FleetSpec) -> dict[str, Any]:
    """One policy for the whole application, where Signalbox decides and anything may change its size."""
    bounds = [spec.gateway.replicas, *(pool.replicas for pool in spec.pools.values())]
    if spec.scaling.policy != "signalbox" or all(each.min == each.max for each in bounds):
        return {}
    kwargs = {"spec": _running_spec(spec)}
    return {"autoscaling_policy": {"policy_function": SCALING_POLICY, "policy_kwargs": kwargs}}


def _running_spec(spec: FleetSpec) -> dict[str, Any]:
    return spec.model_dump(mode="json", exclude={"kubernetes"})
