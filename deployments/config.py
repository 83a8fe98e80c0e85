"""The declarative Serve config of a fleet: `signalbox serve` and Kubernetes submit the same one."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from cluster.spec import FleetSpec

SCALING_POLICY = "deployments.scaling_policy:FleetScaling"


@dataclass(frozen=True)
class Target:
    """What the place of deployment decides, not the spec."""

    host: str
    proxy_location: str


LAPTOP = Target(host="127.0.0.1", proxy_location="HeadOnly")
KUBERNETES = Target(host="0.0.0.0", proxy_location="EveryNode")
"""Every node needs a proxy: RayService probes workers through it, and HeadOnly would leave them unready."""


def serve_config(spec: FleetSpec, target: Target) -> dict[str, Any]:
    """A dict for `ray.serve.schema.ServeDeploySchema`."""
    return {
        "proxy_location": target.proxy_location,
        "http_options": {"host": target.host, "port": spec.gateway.port},
        "logging_config": {"log_level": "WARNING", "enable_access_log": False},
        "applications": [
            {
                "name": spec.name,
                "route_prefix": "/",
                "import_path": "deployments.app:build",
                "args": {"spec": spec.model_dump(mode="json")},
                **_scaling(spec),
            }
        ],
    }


def _scaling(spec: FleetSpec) -> dict[str, Any]:
    """One policy for the whole application, where Signalbox decides and anything may change its size."""
    bounds = [spec.gateway.replicas, *(pool.replicas for pool in spec.pools.values())]
    if spec.scaling.policy != "signalbox" or all(each.min == each.max for each in bounds):
        return {}
    kwargs = {"spec": spec.model_dump(mode="json")}
    return {"autoscaling_policy": {"policy_function": SCALING_POLICY, "policy_kwargs": kwargs}}
