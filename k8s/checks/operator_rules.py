"""What KubeRay 1.7 refuses although the schema takes it: the cluster's part.

Each rule follows ValidateRayClusterSpec in ray-operator/controllers/ray/utils/validation.go of ray-project/kuberay. An
operator that refuses a RayService says so in an event of the object and creates nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from cluster.problems import shown
from k8s.checks.finding import Finding
from k8s.checks.objects import Body, mapping, number, sequence, text
from k8s.checks.operator_service import service_problems
from k8s.checks.rendered import RAY_CLUSTER, Pod, Rendered

CHECK = "operator rules"
Problem = tuple[str, str]
"""Field path and what is wrong with it."""

LABEL_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?")
LABEL_PREFIX = re.compile(r"(?=.{1,253}/)[a-z0-9]([a-z0-9.-]*[a-z0-9])?/")
HEAD_ENV = "headGroupSpec.template.spec.containers[0].env"
AUTOSCALER_V2 = "RAY_enable_autoscaler_v2"
GATED = {
    "networkPolicy": "RayClusterNetworkPolicy",
    "tlsOptions": "RayClusterMTLS",
    "historyServerOptions": "RayClusterHistoryServer",
}
"""Sections that KubeRay 1.7 takes only where a feature gate is on, which it is not by default (pkg/features)."""
OPERATORS_OWN = ("RAY_CLUSTER_NAME", "RAY_IP", "FQ_RAY_IP", "RAY_CLOUD_INSTANCE_ID", "RAY_NODE_TYPE_NAME")
"""Variables that the operator sets on every Ray container (common/pod.go, setContainerEnvVars)."""


def check_operator_rules(rendered: Rendered) -> Iterator[Finding]:
    """Every rule on every RayService."""
    for manifest in rendered.of_kind("RayService"):
        cluster = mapping(manifest.body, "spec", "rayClusterConfig")
        for path, problem in [*service_problems(manifest), *cluster_problems(cluster)]:
            yield Finding(CHECK, manifest.where(path), problem)
    for pod in rendered.ray_pods():
        for path, problem in group_problems(pod):
            yield Finding(CHECK, pod.group_where(path), problem)


# -- groups ----------------------------------------------------------------------------------------------------------


def group_problems(pod: Pod) -> Iterator[Problem]:
    """Rules on the head group or a worker group."""
    for rule in GROUP_RULES:
        yield from rule(pod)


def _has_container(pod: Pod) -> Iterator[Problem]:
    if not sequence(pod.spec, "containers"):
        yield "template.spec.containers", "is missing: the first container runs Ray, write it"


def _start_params(pod: Pod) -> Iterator[Problem]:
    params = mapping(pod.group, "rayStartParams")
    for key, value in params.items():
        if not isinstance(value, str):
            yield f"rayStartParams.{key}", f'found {shown(value)}: write a string, "{value}"'
    if "labels" in params:
        yield "rayStartParams.labels", "is not read: write the labels in the group's own field `labels`"
    both = [key for key in ("num-cpus", "num-gpus", "memory", "resources") if params.get(key)]
    if both and mapping(pod.group, "resources"):
        yield f"rayStartParams.{both[0]}", "stands beside the group's `resources`: write resources in one of the two"


def _labels(pod: Pod) -> Iterator[Problem]:
    for key, value in mapping(pod.group, "labels").items():
        name = LABEL_PREFIX.sub("", str(key), count=1)
        if not LABEL_NAME.fullmatch(name):
            yield f"labels.{key}", "is no label key of Kubernetes: write prefix/name or name"
        if value != "" and not LABEL_NAME.fullmatch(str(value)):
            yield f"labels.{key}", f"found {shown(value)}: write at most 63 letters, digits, '-', '_' and '.'"


def _bounds(pod: Pod) -> Iterator[Problem]:
    low, high = number(pod.group, "minReplicas"), number(pod.group, "maxReplicas")
    for field, value in (("minReplicas", low), ("maxReplicas", high)):
        if value is not None and value < 0:
            yield field, f"found {value}: write 0 or more"
    if low is not None and high is not None and low > high:
        yield "minReplicas", f"found {low}, above maxReplicas ({high}): write at most that"


def _not_suspended(pod: Pod) -> Iterator[Problem]:
    if pod.group.get("suspend"):
        yield "suspend", "found true, which an autoscaled cluster may not be: leave it out"


def _own_variables(pod: Pod) -> Iterator[Problem]:
    for name in OPERATORS_OWN:
        if variable(pod.ray_container, name) is not None:
            yield "template.spec.containers[0].env", f"sets {name}, which is the operator's: leave it out"


GROUP_RULES: tuple[Callable[[Pod], Iterator[Problem]], ...] = (
    _has_container,
    _start_params,
    _labels,
    _bounds,
    _not_suspended,
    _own_variables,
)


# -- the cluster -----------------------------------------------------------------------------------------------------


def cluster_problems(cluster: Body) -> Iterator[Problem]:
    """Rules on `rayClusterConfig` as a whole, by field path of the RayService."""
    for rule in CLUSTER_RULES:
        for path, problem in rule(cluster):
            yield f"{RAY_CLUSTER}.{path}", problem


def _groups_differ(cluster: Body) -> Iterator[Problem]:
    names = [text(group, "groupName") for group in sequence(cluster, "workerGroupSpecs")]
    for index, name in enumerate(names):
        if not name or name in names[:index]:
            yield f"workerGroupSpecs[{index}].groupName", f"found '{name}': write a name that no other group has"


def _autoscaler(cluster: Body) -> Iterator[Problem]:
    env = variable(_head_container(cluster), AUTOSCALER_V2)
    if not cluster.get("enableInTreeAutoscaling"):
        if env in ("1", "true"):
            yield (
                HEAD_ENV,
                f"{AUTOSCALER_V2} needs enableInTreeAutoscaling: true",
            )
        for index, group in enumerate(sequence(cluster, "workerGroupSpecs")):
            if number(group, "minReplicas") is None or number(group, "maxReplicas") is None:
                yield (
                    f"workerGroupSpecs[{index}]",
                    "needs minReplicas and maxReplicas, as nothing scales it: write both",
                )
        return
    if env is not None and text(cluster, "autoscalerOptions", "version"):
        yield "autoscalerOptions.version", f"stands beside the variable {AUTOSCALER_V2}: keep the version alone"
    idle = number(cluster, "autoscalerOptions", "idleTimeoutSeconds")
    if idle is not None and idle < 0:
        yield "autoscalerOptions.idleTimeoutSeconds", f"found {idle}: write 0 or more"


def _autoscaler_v2(cluster: Body) -> Iterator[Problem]:
    """Pods of autoscaler v2 are never restarted in place: it replaces them."""
    if text(cluster, "autoscalerOptions", "version") == "v2":
        for path, group in _groups(cluster):
            policy = text(group, "template", "spec", "restartPolicy")
            if policy not in ("", "Never"):
                yield f"{path}.template.spec.restartPolicy", f"found '{policy}': autoscaler v2 needs Never, or no entry"
        return
    for index, group in enumerate(sequence(cluster, "workerGroupSpecs")):
        for field in ("idleTimeoutSeconds", "priority"):
            if number(group, field):
                yield f"workerGroupSpecs[{index}].{field}", "needs autoscaler v2: write autoscalerOptions.version: v2"


def _idle_timeouts(cluster: Body) -> Iterator[Problem]:
    for index, group in enumerate(sequence(cluster, "workerGroupSpecs")):
        idle = number(group, "idleTimeoutSeconds")
        if idle is not None and idle < 0:
            yield f"workerGroupSpecs[{index}].idleTimeoutSeconds", f"found {idle}: write 0 or more"


def _fault_tolerance(cluster: Body) -> Iterator[Problem]:
    head, options = _head_container(cluster), mapping(cluster, "gcsFaultToleranceOptions")
    if variable(head, "RAY_REDIS_ADDRESS") is not None:
        yield HEAD_ENV, "sets RAY_REDIS_ADDRESS: write gcsFaultToleranceOptions.redisAddress instead"
    if variable(head, "REDIS_USERNAME") is not None:
        yield HEAD_ENV, "sets REDIS_USERNAME: write gcsFaultToleranceOptions.redisUsername instead"
    if not options:
        return
    in_parameters = text(cluster, "headGroupSpec", "rayStartParams", "redis-password")
    if in_parameters or variable(head, "REDIS_PASSWORD") is not None:
        yield HEAD_ENV, "holds Redis' password: write gcsFaultToleranceOptions.redisPassword instead"
    if text(options, "backend") == "rocksdb":
        gate = "GCSFaultToleranceEmbeddedStorage"
        yield "gcsFaultToleranceOptions.backend", f"rocksdb needs the operator's feature gate {gate}: write redis"
        return
    if "storage" in options:
        yield "gcsFaultToleranceOptions.storage", "is rocksdb's alone: leave it out"
    if not text(options, "redisAddress"):
        # The operator takes it and the head then starts without Redis: it would lose its state without a word.
        yield "gcsFaultToleranceOptions.redisAddress", "is missing: write redis://HOST:PORT"


def _token(cluster: Body) -> Iterator[Problem]:
    options = mapping(cluster, "authOptions")
    if options.get("enableK8sTokenAuth"):
        yield "authOptions.enableK8sTokenAuth", "is not for a RayService: leave it out"
    if text(options, "mode") == "token" and _version(text(cluster, "rayVersion")) < (2, 52):
        found = shown(cluster.get("rayVersion"))
        yield "rayVersion", f"found {found}: token authentication needs 2.52.0 or later, written as such"


def _gated(cluster: Body) -> Iterator[Problem]:
    for field, gate in GATED.items():
        if field in cluster:
            yield field, f"needs the operator's feature gate {gate}, which is off by default: leave it out"


CLUSTER_RULES: tuple[Callable[[Body], Iterator[Problem]], ...] = (
    _groups_differ,
    _autoscaler,
    _autoscaler_v2,
    _idle_timeouts,
    _fault_tolerance,
    _token,
    _gated,
)


def _head_container(cluster: Body) -> Body:
    return mapping(cluster, "headGroupSpec", "template", "spec", "containers", 0)


def _groups(cluster: Body) -> Iterator[tuple[str, Body]]:
    yield "headGroupSpec", mapping(cluster, "headGroupSpec")
    for index, group in enumerate(sequence(cluster, "workerGroupSpecs")):
        yield f"workerGroupSpecs[{index}]", mapping(group)


def variable(container: Body, name: str) -> str | None:
    """Value of a container's environment variable: empty where it comes from elsewhere, None where it is not set."""
    for each in sequence(container, "env"):
        if text(each, "name") == name:
            return text(each, "value")
    return None


def _version(written: str) -> tuple[int, ...]:
    """A version as numbers; (0,) where it is none."""
    match = re.match(r"(\d+)\.(\d+)(?:\.(\d+))?", written)
    return tuple(int(part or 0) for part in match.groups()) if match else (0,)
