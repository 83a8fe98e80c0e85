"""Services and ways in lead to pods that listen."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from k8s.checks.finding import Finding
from k8s.checks.objects import Manifest, dig, mapping, sequence, text
from k8s.checks.rendered import Pod, Rendered
from k8s.checks.selectors import NO_POD, selects

CHECK = "services"


def check_services(rendered: Rendered) -> Iterator[Finding]:
    """Every Service has pods that listen, every Ingress and HTTPRoute ends at the endpoint's port."""
    for service in rendered.of_kind("Service"):
        yield from _service(rendered, service)
    port = rendered.spec.gateway.port
    for manifest in rendered.of_kind("Ingress", "HTTPRoute"):
        for rule in sequence(manifest.body, "spec", "rules"):
            found = [dig(path, "backend", "service", "port", "number") for path in sequence(rule, "http", "paths")]
            found += [dig(backend, "port") for backend in sequence(rule, "backendRefs")]
            if found != [port]:
                yield Finding(CHECK, manifest.where("spec.rules"), f"leads to ports {found}: write gateway.port {port}")


def _service(rendered: Rendered, service: Manifest) -> Iterator[Finding]:
    pods = pods_of(rendered, service)
    if not pods:
        yield Finding(CHECK, service.where("spec.selector"), NO_POD)
        return
    for index, port in enumerate(sequence(service.body, "spec", "ports")):
        target = dig(port, "targetPort") or dig(port, "port")
        offered = [value for pod in pods for value in listening(pod)]
        if target not in offered:
            here = service.where(f"spec.ports[{index}].targetPort")
            yield Finding(CHECK, here, f"found {target}, on which no selected pod listens: write one of {offered}")


def pods_of(rendered: Rendered, service: Manifest) -> list[Pod]:
    """The pods behind a Service."""
    selector = mapping(service.body, "spec", "selector")
    return [pod for pod in rendered.pods() if selector and selects({"matchLabels": selector}, pod.labels)]


def listening(pod: Pod) -> list[Any]:
    """Numbers and names of a pod's ports."""
    ports = [each for _, container in pod.containers() for each in sequence(container, "ports")]
    return [value for each in ports for value in (dig(each, "containerPort"), text(each, "name")) if value]
