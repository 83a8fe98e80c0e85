"""Who may reach what: network policies, services and ways in, against the ports that the fleet listens on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from k8s.checks.finding import Finding
from k8s.checks.objects import Manifest, dig, mapping, sequence, text
from k8s.checks.rendered import Pod, Rendered
from k8s.checks.selectors import NO_POD, selects

CHECK = "network"
CLOSED = {
    6379: "Ray's control store, which runs what it is told",
    8265: "Ray's dashboard, which runs what it is told",
    10001: "Ray's client server, which runs what it is told",
    8404: "HAProxy's statistics",
    9101: "HAProxy's metrics",
}
"""Ports that may never be open to everybody."""


def check_network(rendered: Rendered) -> Iterator[Finding]:
    """Policies on every pod, the endpoint's port open, Ray's own ports closed, services that lead to pods."""
    policies = rendered.of_kind("NetworkPolicy")
    for pod in rendered.pods():
        own = [each for each in policies if _guards(each, pod)]
        if not own:
            problem = f"no NetworkPolicy selects the {pod.title}: write one, or every pod of the cluster reaches it"
            yield Finding(CHECK, pod.where("metadata.labels"), problem)
        elif pod.is_ray:
            yield from _endpoint_open(rendered, pod, own)
            yield from _cluster_together(rendered, pod, own)
    for policy in policies:
        yield from _selects_something(rendered, policy)
        yield from _closed_ports(policy)
    for service in rendered.of_kind("Service"):
        yield from _service(rendered, service)
    yield from _ways_in(rendered)


def _guards(policy: Manifest, pod: Pod) -> bool:
    """Whether a policy restricts who reaches a pod; policyTypes default to Ingress."""
    types = sequence(policy.body, "spec", "policyTypes") or ["Ingress"]
    return "Ingress" in types and selects(mapping(policy.body, "spec", "podSelector"), pod.labels)


def _ports(rule: Any) -> list[Any] | None:
    """The ports of a rule; None where it opens all."""
    ports = sequence(rule, "ports")
    return [dig(each, "port") for each in ports] if ports else None


def _opens(rule: Any, pod: Pod, port: int) -> bool:
    ports = _ports(rule)
    names = {text(each, "name"): dig(each, "containerPort") for each in sequence(pod.ray_container, "ports")}
    return ports is None or any(names.get(each, each) == port for each in ports)


def _endpoint_open(rendered: Rendered, pod: Pod, policies: list[Manifest]) -> Iterator[Finding]:
    port = rendered.spec.gateway.port
    rules = [rule for each in policies for rule in sequence(each.body, "spec", "ingress")]
    clients = [rule for rule in rules if _opens(rule, pod, port) and not _only_ray(rendered, rule)]
    if not clients:
        where = policies[0].where("spec.ingress")
        yield Finding(CHECK, where, f"lets no client reach gateway.port ({port}) of the {pod.title}: write a rule")


def _only_ray(rendered: Rendered, rule: Any) -> bool:
    """Whether a rule is for the Ray cluster's own pods."""
    peers = sequence(rule, "from")
    return bool(peers) and all(_admits(peer, other) for peer in peers for other in rendered.ray_pods())


def _admits(peer: Any, pod: Pod) -> bool:
    selector = dig(peer, "podSelector")
    return selector is not None and "namespaceSelector" not in mapping(peer) and selects(selector, pod.labels)


def _cluster_together(rendered: Rendered, pod: Pod, policies: list[Manifest]) -> Iterator[Finding]:
    """Ray's processes talk over ports of their choice: nodes have to reach each other on all of them."""
    rules = [rule for each in policies for rule in sequence(each.body, "spec", "ingress") if _ports(rule) is None]
    for other in rendered.ray_pods():
        if not any(_admits(peer, other) for rule in rules for peer in sequence(rule, "from")):
            where = policies[0].where("spec.ingress")
            problem = f"keeps the {other.title} from the {pod.title}: write a rule for the Ray pods with all ports"
            yield Finding(CHECK, where, problem)


def _selects_something(rendered: Rendered, policy: Manifest) -> Iterator[Finding]:
    selector = mapping(policy.body, "spec", "podSelector")
    if not any(selects(selector, pod.labels) for pod in rendered.pods()):
        yield Finding(CHECK, policy.where("spec.podSelector"), NO_POD)


def _closed_ports(policy: Manifest) -> Iterator[Finding]:
    for index, rule in enumerate(sequence(policy.body, "spec", "ingress")):
        if sequence(rule, "from"):
            continue
        here, ports = policy.where(f"spec.ingress[{index}]"), _ports(rule)
        if ports is None:
            yield Finding(CHECK, here, "opens every port to everybody: write `ports`, or `from`")
        for port in ports or []:
            if port in CLOSED:
                yield Finding(CHECK, here, f"opens port {port}, {CLOSED[port]}, to everybody: write `from`")


def _service(rendered: Rendered, service: Manifest) -> Iterator[Finding]:
    selector = mapping(service.body, "spec", "selector")
    pods = [pod for pod in rendered.pods() if selector and selects({"matchLabels": selector}, pod.labels)]
    if not pods:
        yield Finding(CHECK, service.where("spec.selector"), NO_POD)
        return
    for index, port in enumerate(sequence(service.body, "spec", "ports")):
        target = dig(port, "targetPort") or dig(port, "port")
        offered = [value for pod in pods for _, each in pod.containers() for value in _container_ports(each)]
        if target not in offered:
            here = service.where(f"spec.ports[{index}].targetPort")
            yield Finding(CHECK, here, f"found {target}, on which no selected pod listens: write one of {offered}")


def _container_ports(container: Any) -> list[Any]:
    return [value for each in sequence(container, "ports") for value in (dig(each, "containerPort"), dig(each, "name"))]


def _ways_in(rendered: Rendered) -> Iterator[Finding]:
    """Ingress and HTTPRoute lead to the endpoint's port."""
    port = rendered.spec.gateway.port
    for manifest in rendered.of_kind("Ingress", "HTTPRoute"):
        for rule in sequence(manifest.body, "spec", "rules"):
            found = [dig(path, "backend", "service", "port", "number") for path in sequence(rule, "http", "paths")]
            found += [dig(backend, "port") for backend in sequence(rule, "backendRefs")]
            if found != [port]:
                yield Finding(CHECK, manifest.where("spec.rules"), f"leads to ports {found}: write gateway.port {port}")
