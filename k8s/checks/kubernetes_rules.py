"""Checks what Kubernetes rejects, or silently fills in, although its schemas accept it.

The API server validates many rules in code (kubernetes/pkg/apis/core/validation), such as a probe without a handler or
a claim without a size. Some of its defaults hide mistakes: a volume without a source becomes an empty folder.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from typing import Any

from cluster.problems import invalid
from k8s.checks.finding import Finding
from k8s.checks.objects import Body, Manifest, mapping, sequence, text
from k8s.checks.quantity import quantity
from k8s.checks.rendered import Pod, Rendered
from k8s.checks.selectors import selects

CHECK = "kubernetes rules"
CLUSTER_WIDE = ("Namespace", "ClusterRole", "ClusterRoleBinding", "PriorityClass", "StorageClass")
HANDLERS = ("exec", "httpGet", "tcpSocket", "grpc", "sleep")
SHELLS = ("sh", "bash", "/bin/sh", "/bin/bash")
SHELL_SYNTAX = re.compile(r"[$|;>\n]|&&")

Problem = tuple[str, str]
"""Field path, and what is wrong with it."""


def check_kubernetes_rules(rendered: Rendered) -> Iterator[Finding]:
    """Check pods, claims, services, and the namespace that an overlay deploys to."""
    for pod in rendered.pods():
        for path, problem in [*_volumes(pod), *_containers(pod), *_no_service_links(pod)]:
            yield Finding(CHECK, pod.manifest.where(path), problem)
    for manifest in rendered.manifests:
        for path, problem in _objects(manifest):
            yield Finding(CHECK, manifest.where(path), problem)
    yield from _one_namespace(rendered)


def _volumes(pod: Pod) -> Iterator[Problem]:
    for index, volume in enumerate(sequence(pod.spec, "volumes")):
        sources = {key: value for key, value in mapping(volume).items() if key != "name"}
        if len(sources) != 1:
            problem = f"has {len(sources)} sources, use exactly one: without a source the volume is an empty folder"
            yield f"{pod.path}.spec.volumes[{index}]", problem


def _no_service_links(pod: Pod) -> Iterator[Problem]:
    """By default every Service of the namespace sets variables, and `VLLM_PORT` of a Service named vllm ends vLLM."""
    if pod.is_ray and pod.spec.get("enableServiceLinks") is not False:
        problem = invalid(pod.spec.get("enableServiceLinks"), "false: a Service named vllm would end vLLM")
        yield f"{pod.path}.spec.enableServiceLinks", problem


def _containers(pod: Pod) -> Iterator[Problem]:
    names: list[str] = []
    for path, container in pod.containers():
        names.append(text(container, "name"))
        if names[-1] in names[:-1]:
            yield f"{path}.name", f"repeats '{names[-1]}', use a name that no other container of the pod has"
        for index, variable in enumerate(sequence(container, "env")):
            if not variable.get("value") and not mapping(variable, "valueFrom"):
                yield f"{path}.env[{index}]", f"{text(variable, 'name')} has no value, set value or valueFrom"
        for probe in ("livenessProbe", "readinessProbe", "startupProbe"):
            yield from _handler(container, (probe,), path)
        for hook in mapping(container, "lifecycle"):
            yield from _handler(container, ("lifecycle", str(hook)), path)
        yield from _limits(container, path)
        yield from _shell(container.get("command"), f"{path}.command")


def _handler(container: Body, steps: tuple[str, ...], path: str) -> Iterator[Problem]:
    """A probe or a hook must have exactly one handler."""
    if steps[-1] not in mapping(container, *steps[:-1]):
        return
    here, found = ".".join((path, *steps)), mapping(container, *steps)
    handlers = [name for name in HANDLERS if mapping(found, name)]
    if len(handlers) != 1:
        yield here, f"has {len(handlers)} handlers, use one of {', '.join(HANDLERS)}"
    if "httpGet" in found and not text(found, "httpGet", "path"):
        yield f"{here}.httpGet.path", "is missing and defaults to /, use the container's health path"
    if "exec" in found:
        yield from _shell(mapping(found, "exec").get("command"), f"{here}.exec.command")


def _shell(command: Any, path: str) -> Iterator[Problem]:
    """A command with shell syntax must start a shell, because Kubernetes does not."""
    words = [str(word) for word in command] if isinstance(command, list) else []
    if path.endswith("exec.command") and not words:
        yield path, "is empty, set the command's words"
    script = any(SHELL_SYNTAX.search(word) for word in words)
    if script and not (words[0] in SHELLS and len(words) > 2 and re.fullmatch(r"-\w*c", words[1])):
        yield path, "has shell syntax but no shell, use three words: sh, -c and the script"
    elif words and words[0] in SHELLS and len(words) < 3:
        yield path, "starts a shell without a script, use three words: sh, -c and the script"


def _limits(container: Body, path: str) -> Iterator[Problem]:
    """Without a memory limit, a leak in one container kills its neighbours. Ray counts CPUs and memory by limits."""
    for name in ("cpu", "memory"):
        limit = quantity(mapping(container, "resources", "limits").get(name))
        request = quantity(mapping(container, "resources", "requests").get(name))
        if limit is None:
            yield (
                f"{path}.resources.limits.{name}",
                "is missing, set it: Ray and other pods rely on it",
            )
        elif request is not None and request > limit:
            yield f"{path}.resources.requests.{name}", "is above its limit, use at most the limit"


def _objects(manifest: Manifest) -> Iterator[Problem]:
    spec = mapping(manifest.body, "spec")
    if manifest.kind == "PersistentVolumeClaim":
        yield from _claim(spec, "spec")
    elif manifest.kind == "StatefulSet":
        for index, claim in enumerate(sequence(spec, "volumeClaimTemplates")):
            yield from _claim(mapping(claim, "spec"), f"spec.volumeClaimTemplates[{index}].spec")
    elif manifest.kind == "Service" and not sequence(spec, "ports"):
        yield "spec.ports", "is missing, list the service's ports"
    if manifest.kind in ("StatefulSet", "Deployment", "DaemonSet"):
        selector, labels = mapping(spec, "selector"), mapping(spec, "template", "metadata", "labels")
        if not mapping(selector, "matchLabels") or not selects(selector, labels):
            yield "spec.selector", "does not select the pods of its template, use their labels"


def _claim(spec: Body, path: str) -> Iterator[Problem]:
    if not sequence(spec, "accessModes"):
        yield f"{path}.accessModes", "is missing, use ReadWriteMany, or ReadWriteOnce for a single pod"
    size = mapping(spec, "resources", "requests").get("storage")
    if not quantity(size):
        yield f"{path}.resources.requests.storage", invalid(size, "a size such as 100Gi")


def _one_namespace(rendered: Rendered) -> Iterator[Finding]:
    """All objects are in the overlay's namespace. Without one, an object goes to kubectl's current namespace."""
    own, section = rendered.of_kind("Namespace"), rendered.spec.kubernetes
    if section.creates_namespace and len(own) != 1:
        yield Finding(CHECK, "Namespace", f"has {len(own)} objects, use one, so that `kubectl apply -k` creates it")
    for manifest in own if not section.creates_namespace else ():
        problem = (
            "exists without the fleet: `kubectl delete -k` would delete it, set kubernetes.create_namespace or remove"
        )
        yield Finding(CHECK, manifest.where(), problem)
    wanted = own[0].name if own else _usual_namespace(rendered)
    for manifest in rendered.manifests:
        if manifest.kind not in CLUSTER_WIDE and (manifest.namespace != wanted or not wanted):
            problem = invalid(manifest.namespace, f"{wanted or 'a name'}, the overlay's namespace")
            yield Finding(CHECK, manifest.where("metadata.namespace"), problem)


def _usual_namespace(rendered: Rendered) -> str:
    """The namespace of most objects."""
    used = Counter(each.namespace for each in rendered.manifests if each.kind not in CLUSTER_WIDE)
    return used.most_common(1)[0][0] if used else ""
