"""Checks that monitors, rules and dashboards apply to the fleet."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator

from k8s.checks.finding import Finding
from k8s.checks.objects import Manifest, dig, mapping, sequence, text, walk
from k8s.checks.rendered import Pod, Rendered
from k8s.checks.selectors import NO_POD, selects, strangers

CHECK = "monitoring"
METRICS_PORT = "metrics"
"""The container port that KubeRay adds if the container has none of that name (common/pod.go)."""
SERIES = re.compile(r"\b(ray_\w+|signalbox:\w+(?::\w+)*)(\{[^}]*\}|)")
"""A series in a query, with its matchers."""
DASHBOARD_LABEL = "grafana_dashboard"
"""Label by which the sidecar of Grafana's chart finds config maps."""


def check_monitoring(rendered: Rendered) -> Iterator[Finding]:
    """One monitor scrapes every Ray pod, and the operator finds rules and monitors."""
    if rendered.spec.kubernetes.monitoring.enabled:
        yield from _scraped(rendered)
        yield from _found_by_operator(rendered)
        yield from _dashboards(rendered)
        yield from _own_series(rendered)


def _scraped(rendered: Rendered) -> Iterator[Finding]:
    monitors = rendered.of_kind("PodMonitor")
    for pod in rendered.ray_pods():
        own = [each for each in monitors if _selects(each, pod)]
        if len(own) != 1:
            problem = f"{len(own)} PodMonitors select the {pod.title}, use exactly one, so that each series exists once"
            yield Finding(CHECK, pod.where("metadata.labels"), problem)
    for monitor in monitors:
        pods = [pod for pod in rendered.pods() if _selects(monitor, pod)]
        if not pods:
            yield Finding(CHECK, monitor.where("spec.selector"), NO_POD)
        for problem in strangers(rendered.ray_pods(), mapping(monitor.body, "spec", "selector")):
            yield Finding(CHECK, monitor.where("spec.selector"), problem)
        endpoints = sequence(monitor.body, "spec", "podMetricsEndpoints")
        if METRICS_PORT not in [text(each, "port") for each in endpoints]:
            problem = f"does not scrape {METRICS_PORT}, the port of Ray's and our metrics, add it"
            yield Finding(CHECK, monitor.where("spec.podMetricsEndpoints"), problem)
        for index, endpoint in enumerate(endpoints):
            port = text(endpoint, "port")
            for pod in pods:
                if port not in _port_names(pod):
                    here = monitor.where(f"spec.podMetricsEndpoints[{index}].port")
                    yield Finding(
                        CHECK, here, f"invalid value '{port}', which is not a port of the {pod.title}, use metrics"
                    )


def _selects(monitor: Manifest, pod: Pod) -> bool:
    """Whether a monitor scrapes a pod: by labels, in the monitor's namespace unless it names others."""
    if not selects(mapping(monitor.body, "spec", "selector"), pod.labels):
        return False
    elsewhere = mapping(monitor.body, "spec", "namespaceSelector")
    names = sequence(elsewhere, "matchNames")
    return bool(elsewhere.get("any")) or pod.manifest.namespace in (names or [monitor.namespace])


def _port_names(pod: Pod) -> set[str]:
    names = {text(each, "name") for _, container in pod.containers() for each in sequence(container, "ports")}
    return names | ({METRICS_PORT} if pod.is_ray else set())


def _found_by_operator(rendered: Rendered) -> Iterator[Finding]:
    wanted = rendered.spec.kubernetes.monitoring.labels
    for kind in ("PodMonitor", "PrometheusRule"):
        manifests = rendered.of_kind(kind)
        if not manifests:
            yield Finding(CHECK, kind, "is missing from the output, render again or set monitoring.enabled: false")
        for manifest in manifests:
            labels = mapping(manifest.body, "metadata", "labels")
            for key, value in wanted.items():
                if labels.get(key) != value:
                    problem = f"lacks {key}: {value}, add it: the Prometheus operator selects by it"
                    yield Finding(CHECK, manifest.where("metadata.labels"), problem)


def _own_series(rendered: Rendered) -> Iterator[Finding]:
    """Rules read the series of the fleet's namespace: another fleet has other objectives."""
    for manifest in rendered.of_kind("PrometheusRule"):
        wanted = f'namespace="{manifest.namespace}"'
        for path, value in walk(mapping(manifest.body, "spec"), "spec"):
            if not (path.endswith(".expr") and isinstance(value, str)):
                continue
            strange = sorted({name for name, matchers in SERIES.findall(value) if wanted not in matchers})
            if strange:
                problem = f"reads {', '.join(strange)} of every fleet, add {wanted} to each selector"
                yield Finding(CHECK, manifest.where(path), problem)


def _dashboards(rendered: Rendered) -> Iterator[Finding]:
    found = False
    for manifest in rendered.of_kind("ConfigMap"):
        boards = {key: value for key, value in mapping(manifest.body, "data").items() if key.endswith(".json")}
        for key, board in boards.items():
            found = True
            try:
                uid = dig(json.loads(board), "uid")
            except ValueError as error:
                yield Finding(CHECK, manifest.where(f"data.{key}"), f"is not JSON ({error}), render again")
                continue
            if not uid:
                yield Finding(CHECK, manifest.where(f"data.{key}"), "is a dashboard without uid, render again")
        if boards and text(manifest.body, "metadata", "labels", DASHBOARD_LABEL) != "1":
            problem = f'lacks {DASHBOARD_LABEL}: "1", add it: Grafana\'s sidecar selects by it'
            yield Finding(CHECK, manifest.where("metadata.labels"), problem)
    if not found:
        yield Finding(CHECK, "ConfigMap", "is missing: the output has no dashboard, render again")
