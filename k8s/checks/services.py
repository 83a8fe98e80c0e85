"""Checks that Services, Ingresses and HTTPRoutes lead to pods that listen."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from k8s.checks.finding import Finding
from k8s.checks.objects import Manifest, dig, mapping, sequence, text
from k8s.checks.operator_rules import variable
from k8s.checks.rendered import Pod, Rendered
from k8s.checks.selectors import NO_POD, selects

CHECK = "services"


def check_services(rendered: Rendered) -> Iterator[Finding]:
    """Every Service has pods that listen, and every Ingress and HTTPRoute leads to the endpoint's port."""
    for service in rendered.of_kind("Service"):
        yield from _service(rendered, service)
    for ray_service in rendered.of_kind("RayService"):
        yield from _redis(rendered, ray_service)
    port = rendered.spec.gateway.port
    for manifest in rendered.of_kind("Ingress", "HTTPRoute"):
        for rule in sequence(manifest.body, "spec", "rules"):
            ports = [dig(path, "backend", "service", "port", "number") for path in sequence(rule, "http", "paths")]
            ports += [dig(backend, "port") for backend in sequence(rule, "backendRefs")]
            if ports != [port]:
                yield Finding(CHECK, manifest.where("spec.rules"), f"leads to ports {ports}, use gateway.port, {port}")


def redis_address(service: Manifest) -> tuple[str, int]:
    """Host and port of the Redis that a RayService names; "" and 0 if it names none."""
    address = text(service.body, "spec", "rayClusterConfig", "gcsFaultToleranceOptions", "redisAddress")
    host, _, port = address.removeprefix("redis://").partition(":")
    return host, int(port) if port.isdigit() else 0


def _redis(rendered: Rendered, ray_service: Manifest) -> Iterator[Finding]:
    """The RayService's Redis exists in the output and requires a password."""
    host, port = redis_address(ray_service)
    here = ray_service.where("spec.rayClusterConfig.gcsFaultToleranceOptions.redisAddress")
    redis = rendered.spec.kubernetes.redis
    if not host or (redis and redis.address):
        return
    pods = [pod for each in rendered.of_kind("Service") if each.name == host for pod in pods_of(rendered, each)]
    if not any(port in listening(pod) for pod in pods):
        yield Finding(CHECK, here, f"invalid value {host}:{port}, where no rendered pod listens, use Redis' Service")
    for pod in pods:
        for path, container in pod.containers():
            words = " ".join(map(str, [*sequence(container, "command"), *sequence(container, "args")]))
            if "requirepass" not in words or variable(container, "REDIS_PASSWORD") is None:
                problem = "accepts anyone's commands, use --requirepass with REDIS_PASSWORD from the Secret"
                yield Finding(CHECK, pod.manifest.where(f"{path}.command"), problem)


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
            yield Finding(CHECK, here, f"invalid value {target}, where no selected pod listens, use one of {offered}")


def pods_of(rendered: Rendered, service: Manifest) -> list[Pod]:
    """The pods that a Service selects."""
    selector = mapping(service.body, "spec", "selector")
    return [pod for pod in rendered.pods() if selector and selects({"matchLabels": selector}, pod.labels)]


def listening(pod: Pod) -> list[Any]:
    """Numbers and names of a pod's ports."""
    ports = [each for _, container in pod.containers() for each in sequence(container, "ports")]
    return [value for each in ports for value in (dig(each, "containerPort"), text(each, "name")) if value]
