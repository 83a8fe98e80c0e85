"""A Job that downloads the fleet's models to the shared volume before the fleet starts.

Without it, replicas download on rented GPUs, all at once, and a large model takes longer than
`engine.start_timeout_s`.
"""

from __future__ import annotations

from typing import Any

from cluster.spec import FleetSpec
from deployments.caches import cache_environment
from k8s.containers import ROOTLESS, hub_environment, secret_environment
from k8s.names import FLEET_LABEL, metadata
from k8s.pods import shared_pod
from k8s.volumes import Mounted, hub_volume, volume_of
from k8s.yaml_text import Key

SIZE = {"cpu": "2", "memory": "8Gi"}
KEPT_S = 86_400
"""How long the finished Job and its log stay, in seconds."""
RETRIES = 20
SCRIPT = 'for model; do hf download "$model" --exclude "original/*" || exit 1; done'
"""vLLM ignores `original/` too (LoadConfig.ignore_patterns): it repeats the weights in another format."""


def download_job(spec: FleetSpec) -> dict[str, Any] | None:
    """The Job; None if no model has a hub id, or if no volume is shared by all nodes."""
    models, volume = hub_models(spec), hub_volume(spec)
    if not models or volume is None or volume.spec.host_path:
        return None
    return {
        "apiVersion": "batch/v1",
        "kind": "Job",
        "metadata": metadata(spec, f"{spec.name}-download"),
        "spec": {
            Key("backoffLimit", "A download goes on where it broke off."): RETRIES,
            Key("ttlSecondsAfterFinished", "A finished Job goes after a day, and may then be applied again."): KEPT_S,
            "template": {"metadata": {"labels": {FLEET_LABEL: spec.name}}, "spec": _pod(spec, models, volume)},
        },
    }


def hub_models(spec: FleetSpec) -> list[str]:
    """Hub ids of everything that replicas load, each once, in the order of the pools."""
    names: list[str | None] = []
    for name, pool in spec.pools.items():
        if pool.engine.traits.hosts_weights:
            names += [pool.model, pool.tokenizer, spec.draft_of(name), *pool.adapters.values()]
    return list(dict.fromkeys(name for name in names if name and "://" not in name and not name.startswith("/")))


def _pod(spec: FleetSpec, models: list[str], volume: Mounted) -> dict[str, Any]:
    head = spec.kubernetes.head
    container = {
        "name": "download",
        "image": spec.kubernetes.image,
        "imagePullPolicy": "IfNotPresent",
        Key("command", "One model after the other: two writers of one model would wait for each other's locks."): [
            "sh",
            "-c",
            SCRIPT,
            "download",
            *models,
        ],
        "env": _environment(spec),
        **secret_environment(spec),
        "resources": {"requests": SIZE, "limits": SIZE},
        "securityContext": ROOTLESS,
        "volumeMounts": [{"name": volume.name, "mountPath": volume.path}],
    }
    return {
        "restartPolicy": "OnFailure",
        "automountServiceAccountToken": False,
        **shared_pod(spec, head.node_selector, head.tolerations),
        "containers": [container],
        "volumes": [volume_of(spec, volume)],
    }


def _environment(spec: FleetSpec) -> list[dict[str, Any]]:
    """Where replicas look for a hub id: `cache_folder`, if the spec has one, else the weights' volume."""
    variables = hub_environment(spec)
    if cache := cache_environment(spec).get("HF_HUB_CACHE"):
        variables.append({"name": "HF_HUB_CACHE", "value": cache})
    return variables
