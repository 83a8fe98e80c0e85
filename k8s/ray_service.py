"""The RayService: a Ray cluster with one worker group per kind of hardware, and the Serve config for it."""

from __future__ import annotations

from importlib.metadata import version
from typing import Any

import yaml

from cluster.spec import FleetSpec
from deployments.config import GATEWAY_NODES, KUBERNETES, serve_config
from deployments.placement import HARDWARE_LABEL
from k8s.containers import ROOTLESS
from k8s.gateways import GATEWAY_GROUP, gateway_nodes
from k8s.lifetimes import END_MARGIN_S, STATE_REMOVAL, longest_stream_s, state_removal_s
from k8s.names import metadata
from k8s.nodes import OBJECT_STORE_BYTES, hosts_per_replica, nodes_needed, used_hardware
from k8s.pods import gateway_template, head_template, worker_template
from k8s.yaml_text import Dumper, Key

AUTOSCALER = {"cpu": "1", "memory": "1Gi"}


def ray_service(spec: FleetSpec) -> dict[str, Any]:
    """The RayService before its overlays' patches. `spec` has the image's paths (`k8s.image.for_image`)."""
    return {
        "apiVersion": "ray.io/v1",
        "kind": "RayService",
        "metadata": metadata(spec, spec.name)
        | {Key("annotations", _STATE): {STATE_REMOVAL: str(state_removal_s(spec))}},
        "spec": {
            Key("rayClusterDeletionDelaySeconds", _DELETION): longest_stream_s(spec) + END_MARGIN_S,
            "upgradeStrategy": _upgrade(spec),
            Key("serveConfigV2", _SERVE_CONFIG): serve_text(spec),
            "rayClusterConfig": _cluster(spec),
        },
    }


_DELETION = "After an upgrade, the old cluster stays until the longest stream has ended; KubeRay's default is a minute."
_STATE = "After the last pod, KubeRay removes a deleted cluster from Redis. By default it gives up after 300 s."
_SERVE_CONFIG = "KubeRay submits the same config as `signalbox serve`. A change replaces replicas one by one, not pods."


def serve_text(spec: FleetSpec) -> str:
    """The Serve config as YAML."""
    return yaml.dump(serve_config(spec, KUBERNETES), Dumper=Dumper, sort_keys=False, width=120, allow_unicode=True)


def _upgrade(spec: FleetSpec) -> dict[str, Any]:
    upgrade = spec.kubernetes.upgrade
    if upgrade.gateway_class is None:
        return {"type": upgrade.strategy}
    return {
        Key("type", "Needs KubeRay's RayServiceIncrementalUpgrade and a Gateway API controller."): upgrade.strategy,
        "clusterUpgradeOptions": {
            "gatewayClassName": upgrade.gateway_class,
            "stepSizePercent": upgrade.step_percent,
            "intervalSeconds": upgrade.interval_s,
            "maxSurgePercent": upgrade.surge_percent,
        },
    }


def _cluster(spec: FleetSpec) -> dict[str, Any]:
    return {
        Key("rayVersion", "KubeRay derives probes and authentication from it; the image has the same version."): (
            version("ray")
        ),
        Key("authOptions", "Anyone who reaches Ray's ports can run code, so KubeRay creates a token for them."): {
            "mode": "token"
        },
        Key("enableInTreeAutoscaling", "Nodes start when a replica finds no room, and stop when they are idle."): True,
        "autoscalerOptions": {
            Key("version", "Only v2 supports labels and groups of ranks."): "v2",
            Key("upscalingMode", "Start all missing nodes at once: loading a model takes long enough."): "Default",
            "idleTimeoutSeconds": spec.kubernetes.idle_timeout_s,
            "resources": {"requests": AUTOSCALER, "limits": AUTOSCALER},
            "securityContext": ROOTLESS,
        },
        "headGroupSpec": _head(spec),
        "workerGroupSpecs": [*(_workers(spec, name) for name in used_hardware(spec)), _gateways(spec)],
    }


def _head(spec: FleetSpec) -> dict[str, Any]:
    return {
        "rayStartParams": {
            "dashboard-host": "0.0.0.0",
            Key("num-cpus", "No rank runs on the head, because it must always respond."): "0",
            "object-store-memory": str(OBJECT_STORE_BYTES),
        },
        "template": head_template(spec),
    }


def _workers(spec: FleetSpec, hardware: str) -> dict[str, Any]:
    """A group whose replicas are nodes of one kind, or sets of nodes that start together."""
    kind, hosts = spec.hardware[hardware], hosts_per_replica(spec, hardware)
    accelerator = kind.device.ray_type
    resources = {f"accelerator_type:{accelerator}": "1"} if accelerator else {}
    resources_key = Key("resources", "Ray detects the type only on running nodes; without this line it starts none.")
    return {
        "groupName": hardware,
        Key("numOfHosts", _ONE_HOST if hosts == 1 else _SEVERAL_HOSTS): hosts,
        Key("minReplicas", "Nodes for the pools' replicas.min together. `replicas` is absent: Ray changes it."): (
            -(-nodes_needed(spec, hardware) // hosts)
        ),
        Key("maxReplicas", f"hardware.{hardware}.nodes"): kind.nodes // hosts,
        "idleTimeoutSeconds": spec.kubernetes.idle_timeout_s,
        Key("labels", "Pools select nodes by this label: a kind of node, never a pool."): {HARDWARE_LABEL: hardware},
        **({resources_key: resources} if resources else {}),
        "rayStartParams": {"object-store-memory": str(OBJECT_STORE_BYTES)},
        "template": worker_template(spec, hardware),
    }


def _gateways(spec: FleetSpec) -> dict[str, Any]:
    """The group of pods for gateways, and for replicas whose model runs elsewhere."""
    fewest, most = gateway_nodes(spec)
    return {
        "groupName": GATEWAY_GROUP,
        "numOfHosts": 1,
        Key("minReplicas", "gateway.replicas.min"): fewest,
        Key("maxReplicas", "gateway.replicas.max, and those that start before others stop during an update."): most,
        "idleTimeoutSeconds": spec.kubernetes.idle_timeout_s,
        Key("labels", "Gateways select nodes by this label, so that losing the head cuts no request."): GATEWAY_NODES,
        "rayStartParams": {"object-store-memory": str(OBJECT_STORE_BYTES)},
        "template": gateway_template(spec),
    }


_ONE_HOST = "Nodes start one by one, even for replicas that span several: pools share them."
_SEVERAL_HOSTS = "Each replica of this group's only pool fills this many nodes, so they start and stop together."
