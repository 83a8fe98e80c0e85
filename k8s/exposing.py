"""Access from outside the Kubernetes cluster: an Ingress, or a Gateway with its HTTPRoute."""

from __future__ import annotations

from typing import Any

from cluster.kubernetes.traffic import ExposeSpec
from cluster.spec import FleetSpec
from k8s.lifetimes import longest_stream_s
from k8s.names import metadata, serve_service
from k8s.yaml_text import Key


def exposing_objects(spec: FleetSpec) -> list[dict[str, Any]]:
    """The objects that `kubernetes.expose` requests. KubeRay creates the Service itself."""
    expose = spec.kubernetes.expose
    if expose.kind == "ingress":
        return [_ingress(spec, expose)]
    if expose.kind == "gateway":
        return [_gateway(spec, expose), _route(spec, expose)]
    return []


def _annotated(spec: FleetSpec, expose: ExposeSpec) -> dict[str, Any]:
    annotations = {"annotations": dict(sorted(expose.annotations.items()))} if expose.annotations else {}
    return metadata(spec, spec.name) | annotations


def _ingress(spec: FleetSpec, expose: ExposeSpec) -> dict[str, Any]:
    backend = {"service": {"name": serve_service(spec), "port": {"number": spec.gateway.port}}}
    tls = {"tls": [{"hosts": [expose.host], "secretName": expose.tls_secret}]} if expose.tls_secret else {}
    ingress_class = {"ingressClassName": expose.class_name} if expose.class_name else {}
    path = {"path": "/", "pathType": "Prefix", "backend": backend}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "Ingress",
        "metadata": _annotated(spec, expose),
        "spec": {**ingress_class, **tls, "rules": [{"host": expose.host, "http": {"paths": [path]}}]},
    }


def _gateway(spec: FleetSpec, expose: ExposeSpec) -> dict[str, Any]:
    listener: dict[str, Any] = {"name": "endpoint", "hostname": expose.host, "port": 80, "protocol": "HTTP"}
    if expose.tls_secret:
        certificate = {"kind": "Secret", "name": expose.tls_secret}
        listener |= {"port": 443, "protocol": "HTTPS", "tls": {"mode": "Terminate", "certificateRefs": [certificate]}}
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "Gateway",
        "metadata": _annotated(spec, expose),
        "spec": {"gatewayClassName": expose.class_name, "listeners": [listener]},
    }


def _route(spec: FleetSpec, expose: ExposeSpec) -> dict[str, Any]:
    rule = {
        "backendRefs": [{"name": serve_service(spec), "port": spec.gateway.port}],
        Key("timeouts", "The gateway's own limit; the controllers' defaults would cut streams."): {
            "request": f"{longest_stream_s(spec)}s"
        },
    }
    return {
        "apiVersion": "gateway.networking.k8s.io/v1",
        "kind": "HTTPRoute",
        "metadata": metadata(spec, spec.name),
        "spec": {"hostnames": [expose.host], "parentRefs": [{"name": spec.name}], "rules": [rule]},
    }
