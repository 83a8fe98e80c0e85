"""Checks network policies against the ports that the fleet listens on."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from k8s.checks.finding import Finding
from k8s.checks.objects import Manifest, dig, mapping, sequence, text
from k8s.checks.rendered import Pod, Rendered
from k8s.checks.selectors import NO_POD, OTHER_FLEETS, selects
from k8s.checks.services import pods_of, redis_address

CHECK = "network"
DASHBOARD = 8265
CLOSED = {
    6379: "Ray's control store or Redis, which run any command",
    DASHBOARD: "Ray's dashboard, which runs any code",
    10001: "Ray's client server, which runs any code",
    8080: "metrics, which contain tenants' names",
    44217: "the autoscaler's metrics",
    44227: "the dashboard's metrics",
    8404: "HAProxy's statistics",
    9101: "HAProxy's metrics",
}
"""Ports that must never be open to everyone."""
NAMESPACE_LABEL = "kubernetes.io/metadata.name"
"""Label that Kubernetes adds to every namespace."""


def check_network(rendered: Rendered) -> Iterator[Finding]:
    """Every pod has a policy: the endpoint is open, Ray's ports are closed, and required clients are admitted."""
    policies = rendered.of_kind("NetworkPolicy")
    for pod in rendered.pods():
        own = [each for each in policies if _guards(each, pod)]
        if not own:
            problem = f"no NetworkPolicy selects the {pod.title}, add one, or every pod of the cluster reaches it"
            yield Finding(CHECK, pod.where("metadata.labels"), problem)
            continue
        rules = [rule for each in own for rule in sequence(each.body, "spec", "ingress")]
        for problem in _locked_out(rendered, pod, rules):
            yield Finding(CHECK, own[0].where("spec.ingress"), f"{problem}, add a rule")
    for policy in policies:
        yield from _selector(rendered, policy)
        yield from _closed_ports(policy)


def _guards(policy: Manifest, pod: Pod) -> bool:
    """Whether a policy restricts access to a pod. policyTypes defaults to Ingress."""
    types = sequence(policy.body, "spec", "policyTypes") or ["Ingress"]
    return "Ingress" in types and selects(mapping(policy.body, "spec", "podSelector"), pod.labels)


def _selector(rendered: Rendered, policy: Manifest) -> Iterator[Finding]:
    selector, here = mapping(policy.body, "spec", "podSelector"), policy.where("spec.podSelector")
    chosen = [pod for pod in rendered.pods() if selects(selector, pod.labels)]
    if not chosen:
        yield Finding(CHECK, here, NO_POD)
    elif any(selects(selector, pod.shared_labels) for pod in chosen):
        yield Finding(CHECK, here, OTHER_FLEETS)


# -- required clients ------------------------------------------------------------------------------------------------


def _locked_out(rendered: Rendered, pod: Pod, rules: list[Any]) -> Iterator[str]:
    """Required clients that cannot reach a pod."""
    port, section = rendered.spec.gateway.port, rendered.spec.kubernetes
    if not pod.is_ray:
        yield from _redis_clients(rendered, pod, rules)
        return
    if not any(_opens(rule, pod, port) and not sequence(rule, "from") for rule in rules):
        yield f"blocks clients from gateway.port ({port}) of the {pod.title}"
    for other in rendered.ray_pods():
        # Ray's processes choose their ports at run time, so nodes must reach each other on all ports.
        if not any(_opens_all(rule) and _admits(rule, other) for rule in rules):
            yield f"blocks the {other.title} from the ports of the {pod.title}"
    if pod.is_head and not _admits_namespace(rules, pod, section.operator_namespace, DASHBOARD):
        yield f"blocks KubeRay ({section.operator_namespace}) from the head's port {DASHBOARD}"
    for monitor in rendered.of_kind("PodMonitor"):
        for endpoint in sequence(monitor.body, "spec", "podMetricsEndpoints"):
            port_number = _ports_by_name(pod).get(text(endpoint, "port"))
            scraped = port_number and selects(mapping(monitor.body, "spec", "selector"), pod.labels)
            if scraped and not _admits_namespace(rules, pod, section.monitoring.namespace, port_number):
                yield f"blocks Prometheus ({section.monitoring.namespace}) from port {port_number} of the {pod.title}"


def _redis_clients(rendered: Rendered, pod: Pod, rules: list[Any]) -> Iterator[str]:
    """The head must reach the Redis that the RayService names."""
    for manifest in rendered.of_kind("RayService"):
        host, port = redis_address(manifest)
        services = [each for each in rendered.of_kind("Service") if each.name == host]
        if not any(other.manifest is pod.manifest for each in services for other in pods_of(rendered, each)):
            continue
        heads = [other for other in rendered.ray_pods() if other.is_head]
        if not any(_opens(rule, pod, port) and _admits(rule, head) for rule in rules for head in heads):
            yield f"blocks the head from Redis on port {port}"


def _ports_by_name(pod: Pod) -> dict[str, Any]:
    ports = [each for _, container in pod.containers() for each in sequence(container, "ports")]
    return {text(each, "name"): dig(each, "containerPort") for each in ports}


def _opens_all(rule: Any) -> bool:
    return not sequence(rule, "ports")


def _opens(rule: Any, pod: Pod, port: Any) -> bool:
    """Whether a rule opens a port of a pod, by number or by name."""
    names = _ports_by_name(pod)
    ports = [dig(each, "port") for each in sequence(rule, "ports")]
    return _opens_all(rule) or any(names.get(str(each), each) == port for each in ports)


def _admits(rule: Any, other: Pod) -> bool:
    """Whether a rule admits another pod of the namespace. A rule without `from` admits everyone."""
    peers = sequence(rule, "from")
    return not peers or any(
        "podSelector" in peer and "namespaceSelector" not in peer and selects(peer["podSelector"], other.labels)
        for peer in map(mapping, peers)
    )


def _admits_namespace(rules: list[Any], pod: Pod, namespace: str, port: Any) -> bool:
    """Whether pods of another namespace reach a port."""
    for rule in rules:
        selectors = [mapping(peer, "namespaceSelector") for peer in sequence(rule, "from")]
        inside = any(each and selects(each, {NAMESPACE_LABEL: namespace}) for each in selectors)
        if _opens(rule, pod, port) and (inside or not selectors):
            return True
    return False


# -- forbidden clients -----------------------------------------------------------------------------------------------


def _closed_ports(policy: Manifest) -> Iterator[Finding]:
    for index, rule in enumerate(sequence(policy.body, "spec", "ingress")):
        peers = sequence(rule, "from")
        if peers and not any(_is_everyone(peer) for peer in peers):
            continue
        here = policy.where(f"spec.ingress[{index}]")
        if _opens_all(rule):
            yield Finding(CHECK, here, "opens every port to everyone, set `ports`, or restrict the clients with `from`")
        for port in [dig(each, "port") for each in sequence(rule, "ports")]:
            if port is None or port in CLOSED:
                reason = CLOSED.get(port, "every port")
                yield Finding(
                    CHECK, here, f"opens port {port}, {reason}, to everyone, restrict the clients with `from`"
                )


def _is_everyone(peer: Any) -> bool:
    """Whether a peer admits everyone: empty selectors select all pods, or all namespaces."""
    selectors = [mapping(peer, name) for name in ("podSelector", "namespaceSelector") if name in mapping(peer)]
    chosen = [each for each in selectors if mapping(each, "matchLabels") or sequence(each, "matchExpressions")]
    return "ipBlock" not in mapping(peer) and not chosen
