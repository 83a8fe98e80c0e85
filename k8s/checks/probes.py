"""Checks the probes of a RayService: a worker is ready when its Serve proxy responds."""

from __future__ import annotations

from collections.abc import Iterator

from k8s.checks.finding import Finding
from k8s.checks.objects import dig, mapping, sequence, text
from k8s.checks.rendered import Pod, Rendered

CHECK = "probes"
PROXY_PATH = "/-/healthz"
SERVE_PORT = "serve"
"""Name by which KubeRay finds Serve's container port (utils/constant.go, ServingPortName)."""


def check_probes(rendered: Rendered) -> Iterator[Finding]:
    """Check the port that KubeRay's services and probes use, and our own readiness probes."""
    port = rendered.spec.gateway.port
    for pod in rendered.ray_pods():
        named = {text(each, "name"): dig(each, "containerPort") for each in sequence(pod.ray_container, "ports")}
        if named.get(SERVE_PORT) != port:
            problem = (
                f"the port named {SERVE_PORT} is {named.get(SERVE_PORT, 'missing')}, use gateway.port of the spec, "
                f"{port}: KubeRay's service and probes use it"
            )
            yield Finding(CHECK, pod.where("spec.containers[0].ports"), problem)
        if not pod.is_head:
            yield from _readiness(pod, port)


def _readiness(pod: Pod, port: int) -> Iterator[Finding]:
    """Check a worker's own readiness probe. Without one, KubeRay's default checks raylet and proxy."""
    probe = mapping(pod.ray_container, "readinessProbe")
    if not probe:
        return
    here = pod.where("spec.containers[0].readinessProbe")
    command = " ".join(str(word) for word in sequence(probe, "exec", "command"))
    http = mapping(probe, "httpGet")
    checks_proxy = PROXY_PATH in command or text(http, "path") == PROXY_PATH
    if not checks_proxy:
        yield Finding(CHECK, here, f"does not check Serve's proxy, use {PROXY_PATH} on port {port}, or leave it out")
    elif http.get("port") not in (port, SERVE_PORT) and f":{port}{PROXY_PATH}" not in command:
        yield Finding(CHECK, here, f"checks the wrong port, use gateway.port of the spec, {port}")
