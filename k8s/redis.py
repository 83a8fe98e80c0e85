"""Redis for Ray's head: its manifests, and the RayService's section about it."""

from __future__ import annotations

from typing import Any

from cluster.kubernetes.storage import RedisSpec
from cluster.spec import FleetSpec
from k8s.names import metadata, pods, redis_secret
from k8s.yaml_text import Key

PORT = 6379
USER = 999
"""User `valkey` or `redis` of these images."""


def fault_tolerance(spec: FleetSpec, redis: RedisSpec) -> dict[str, Any]:
    """`gcsFaultToleranceOptions` of the cluster. It sets no namespace: KubeRay then uses the cluster's id, so after an
    upgrade the new cluster does not read the old one's state."""
    open_to_all = redis.address and not redis.password_secret
    return {
        "redisAddress": redis.address or f"{_name(spec)}:{PORT}",
        **({"redisUsername": {"value": redis.user}} if redis.user else {}),
        **({} if open_to_all else {"redisPassword": {"valueFrom": {"secretKeyRef": _password(spec)}}}),
    }


def manifests(spec: FleetSpec) -> list[dict[str, Any]]:
    """A single Redis with a volume; empty if the spec names an existing Redis, or none."""
    redis = spec.kubernetes.redis
    if redis is None or redis.address:
        return []
    return [_service(spec), _stateful_set(spec, redis), _network_policy(spec)]


def _name(spec: FleetSpec) -> str:
    return f"{spec.name}-redis"


def _selector(spec: FleetSpec) -> dict[str, str]:
    return {"signalbox/redis": spec.name}


def _password(spec: FleetSpec) -> dict[str, str]:
    return {"name": redis_secret(spec), "key": "password"}


def _service(spec: FleetSpec) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Service",
        "metadata": metadata(spec, _name(spec)),
        "spec": {"selector": _selector(spec), "ports": [{"name": "redis", "port": PORT, "targetPort": "redis"}]},
    }


def _stateful_set(spec: FleetSpec, redis: RedisSpec) -> dict[str, Any]:
    claim: dict[str, Any] = {
        "accessModes": ["ReadWriteOnce"],
        "resources": {"requests": {"storage": redis.size}},
    }
    if redis.storage_class:
        claim["storageClassName"] = redis.storage_class
    return {
        "apiVersion": "apps/v1",
        "kind": "StatefulSet",
        "metadata": metadata(spec, _name(spec)),
        "spec": {
            "serviceName": _name(spec),
            Key("replicas", "While its pod moves to another machine, the fleet keeps serving; only changes wait."): 1,
            "selector": {"matchLabels": _selector(spec)},
            "template": {"metadata": {"labels": _selector(spec)}, "spec": _pod(spec, redis)},
            "volumeClaimTemplates": [{"metadata": {"name": "data"}, "spec": claim}],
        },
    }


def _pod(spec: FleetSpec, redis: RedisSpec) -> dict[str, Any]:
    size = {"cpu": "500m", "memory": "1Gi"}
    container = {
        "name": "redis",
        "image": redis.image,
        Key("command", "Flush every write to disk: the head forgets whatever is lost here when it restarts."): [
            "sh",
            "-c",
            'exec valkey-server --dir /data --appendonly yes --appendfsync always --requirepass "$REDIS_PASSWORD"',
        ],
        "env": [{"name": "REDIS_PASSWORD", "valueFrom": {"secretKeyRef": _password(spec)}}],
        "ports": [{"containerPort": PORT, "name": "redis"}],
        "readinessProbe": {"tcpSocket": {"port": "redis"}, "periodSeconds": 5},
        "livenessProbe": {"tcpSocket": {"port": "redis"}, "periodSeconds": 10, "failureThreshold": 6},
        "resources": {"requests": size, "limits": size},
        "securityContext": {
            "allowPrivilegeEscalation": False,
            "capabilities": {"drop": ["ALL"]},
            "readOnlyRootFilesystem": True,
        },
        "volumeMounts": [{"name": "data", "mountPath": "/data"}],
    }
    return {
        "automountServiceAccountToken": False,
        "enableServiceLinks": False,
        "securityContext": {
            "runAsNonRoot": True,
            "runAsUser": USER,
            "runAsGroup": USER,
            "fsGroup": USER,
            "seccompProfile": {"type": "RuntimeDefault"},
        },
        "containers": [container],
    }


def _network_policy(spec: FleetSpec) -> dict[str, Any]:
    """Admit only the fleet's pods: the head, and KubeRay's job that removes a deleted cluster's state."""
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "NetworkPolicy",
        "metadata": metadata(spec, _name(spec)),
        "spec": {
            "podSelector": {"matchLabels": _selector(spec)},
            "policyTypes": ["Ingress"],
            "ingress": [
                {
                    Key("from", "The head, and KubeRay's job that removes a deleted cluster's state."): [
                        {"podSelector": {"matchLabels": pods(spec)}}
                    ],
                    "ports": [{"port": PORT, "protocol": "TCP"}],
                }
            ],
        },
    }
