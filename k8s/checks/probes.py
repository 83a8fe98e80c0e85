"""Probes that fit a RayService: workers are ready when their own Serve proxy answers."""

from __future__ import annotations

from collections.abc import Iterator

from k8s.checks.finding import Finding
from k8s.checks.objects import dig, mapping, sequence, text
from k8s.checks.rendered import Pod, Rendered

CHECK = "probes"
PROXY_PATH = "/-/healthz"
SERVE_PORT = "serve"
"""Name of the container port by which KubeRay knows Serve's (utils/constant.go, ServingPortName)."""


def check_probes(rendered: Rendered) -> Iterator[Finding]:
    """The port that KubeRay's services and probes use, and probes of our own where there are some."""
    port = rendered.spec.gateway.port
    for pod in rendered.ray_pods():
        named = {text(each, "name"): dig(each, "containerPort") for each in sequence(pod.ray_container, "ports")}
        if named.get(SERVE_PORT) != port:
            problem = (
                f"found {named.get(SERVE_PORT, 'none')} as the port named {SERVE_PORT}, which KubeRay's service and "
                f"probes use: write gateway.port of the spec, {port}"
            )
            yield Finding(CHECK, pod.where("spec.containers[0].ports"), problem)
        if not pod.is_head:
            yield from _readiness(pod, port)


def _readiness(pod: Pod, port: int) -> Iterator[Finding]:
    """Without a probe of its own a worker gets KubeRay's, which asks raylet and proxy."""
    probe = mapping(pod.ray_container, "readinessProbe")
    if not probe:
        return
    here = pod.where("spec.containers[0].readinessProbe")
    command = " ".join(str(word) for word in sequence(probe, "exec", "command"))
    http = mapping(probe, "httpGet")
    asks_proxy = PROXY_PATH in command or text(http, "path") == PROXY_PATH
    if not asks_proxy:
        yield Finding(CHECK, here, f"does not ask Serve's proxy: ask {PROXY_PATH} on port {port}, or leave it out")
    elif http.get("port") not in (port, SERVE_PORT) and f":{port}{PROXY_PATH}" not in command:
        yield Finding(CHECK, here, f"asks another port than gateway.port of the spec: write {port}")
