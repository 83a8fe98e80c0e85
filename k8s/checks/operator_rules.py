"""Checks what KubeRay 1.7 rejects although the schema accepts it: the cluster's part.

Each rule follows ValidateRayClusterSpec in ray-operator/controllers/ray/utils/validation.go of ray-project/kuberay. An
operator that rejects a RayService reports it in an event of the object and creates nothing.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator

from cluster.problems import invalid, shown
from k8s.checks.finding import Finding
from k8s.checks.objects import Body, mapping, number, sequence, text
from k8s.checks.operator_service import service_problems
from k8s.checks.rendered import RAY_CLUSTER, Pod, Rendered

CHECK = "operator rules"
Problem = tuple[str, str]
"""Field path, and what is wrong with it."""

LABEL_NAME = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?")
LABEL_PREFIX = re.compile(r"(?=.{1,253}/)[a-z0-9]([a-z0-9.-]*[a-z0-9])?/")
HEAD_ENV = "headGroupSpec.template.spec.containers[0].env"
AUTOSCALER_V2 = "RAY_enable_autoscaler_v2"
GATED = {
    "networkPolicy": "RayClusterNetworkPolicy",
    "tlsOptions": "RayClusterMTLS",
    "historyServerOptions": "RayClusterHistoryServer",
}
"""Sections that KubeRay 1.7 accepts only with a feature gate, which is off by default (pkg/features)."""
OPERATORS_OWN = ("RAY_CLUSTER_NAME", "RAY_IP", "FQ_RAY_IP", "RAY_CLOUD_INSTANCE_ID", "RAY_NODE_TYPE_NAME")
"""Variables that the operator sets on every Ray container (common/pod.go, setContainerEnvVars)."""


def check_operator_rules(rendered: Rendered) -> Iterator[Finding]:
    """Apply every rule to every RayService."""
    for manifest in rendered.of_kind("RayService"):
        cluster = mapping(manifest.body, "spec", "rayClusterConfig")
        for path, problem in [*service_problems(manifest), *cluster_problems(cluster)]:
            yield Finding(CHECK, manifest.where(path), problem)
    for pod in rendered.ray_pods():
        for path, problem in group_problems(pod):
            yield Finding(CHECK, pod.group_where(path), problem)


# -- groups ----------------------------------------------------------------------------------------------------------


def group_problems(pod: Pod) -> Iterator[Problem]:
    """Apply the rules for the head group or a worker group."""
    for rule in GROUP_RULES:
        yield from rule(pod)


def _has_container(pod: Pod) -> Iterator[Problem]:
    if not sequence(pod.spec, "containers"):
        yield "template.spec.containers", "is missing, add the container that runs Ray as the first one"


def _start_params(pod: Pod) -> Iterator[Problem]:
    params = mapping(pod.group, "rayStartParams")
    for key, value in params.items():
        if not isinstance(value, str):
            yield f"rayStartParams.{key}", f'invalid value {shown(value)}, use a string: "{value}"'
    if "labels" in params:
        yield "rayStartParams.labels", "is ignored, use the group's field `labels` instead"
    both = [key for key in ("num-cpus", "num-gpus", "memory", "resources") if params.get(key)]
    if both and mapping(pod.group, "resources"):
        yield f"rayStartParams.{both[0]}", "conflicts with the group's `resources`, use only one of the two"


def _labels(pod: Pod) -> Iterator[Problem]:
    for key, value in mapping(pod.group, "labels").items():
        name = LABEL_PREFIX.sub("", str(key), count=1)
        if not LABEL_NAME.fullmatch(name):
            yield f"labels.{key}", "is not a Kubernetes label key, use prefix/name or name"
        if value != "" and not LABEL_NAME.fullmatch(str(value)):
            yield f"labels.{key}", invalid(value, "at most 63 letters, digits, '-', '_' and '.'")


def _bounds(pod: Pod) -> Iterator[Problem]:
    low, high = number(pod.group, "minReplicas"), number(pod.group, "maxReplicas")
    for field, value in (("minReplicas", low), ("maxReplicas", high)):
        if value is not None and value < 0:
            yield field, invalid(value, "0 or more")
    if low is not None and high is not None and low > high:
        yield "minReplicas", invalid(low, f"at most maxReplicas, {high}")


def _not_suspended(pod: Pod) -> Iterator[Problem]:
    if pod.group.get("suspend"):
        yield "suspend", "invalid value true, leave it out: KubeRay rejects it for autoscaled clusters"


def _own_variables(pod: Pod) -> Iterator[Problem]:
    for name in OPERATORS_OWN:
        if variable(pod.ray_container, name) is not None:
            yield "template.spec.containers[0].env", f"sets {name}, leave it out: the operator sets it"


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
    """Apply the rules for `rayClusterConfig` as a whole. Field paths are those of the RayService."""
    for rule in CLUSTER_RULES:
        for path, problem in rule(cluster):
            yield f"{RAY_CLUSTER}.{path}", problem


def _groups_differ(cluster: Body) -> Iterator[Problem]:
    names = [text(group, "groupName") for group in sequence(cluster, "workerGroupSpecs")]
    for index, name in enumerate(names):
        if not name or name in names[:index]:
            yield f"workerGroupSpecs[{index}].groupName", invalid(name, "a name that no other group has")


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
                    "lacks minReplicas or maxReplicas, set both, because nothing scales it",
                )
        return
    if env is not None and text(cluster, "autoscalerOptions", "version"):
        yield "autoscalerOptions.version", f"conflicts with the variable {AUTOSCALER_V2}, remove the variable"
    idle = number(cluster, "autoscalerOptions", "idleTimeoutSeconds")
    if idle is not None and idle < 0:
        yield "autoscalerOptions.idleTimeoutSeconds", invalid(idle, "0 or more")


def _autoscaler_v2(cluster: Body) -> Iterator[Problem]:
    """Autoscaler v2 never restarts pods in place, but replaces them."""
    if text(cluster, "autoscalerOptions", "version") == "v2":
        for path, group in _groups(cluster):
            policy = text(group, "template", "spec", "restartPolicy")
            if policy not in ("", "Never"):
                yield (
                    f"{path}.template.spec.restartPolicy",
                    f"invalid value '{policy}', use Never or leave it out, as autoscaler v2 requires",
                )
        return
    for index, group in enumerate(sequence(cluster, "workerGroupSpecs")):
        for field in ("idleTimeoutSeconds", "priority"):
            if number(group, field):
                yield f"workerGroupSpecs[{index}].{field}", "needs autoscaler v2, use autoscalerOptions.version: v2"


def _idle_timeouts(cluster: Body) -> Iterator[Problem]:
    for index, group in enumerate(sequence(cluster, "workerGroupSpecs")):
        idle = number(group, "idleTimeoutSeconds")
        if idle is not None and idle < 0:
            yield f"workerGroupSpecs[{index}].idleTimeoutSeconds", invalid(idle, "0 or more")


def _fault_tolerance(cluster: Body) -> Iterator[Problem]:
    head, options = _head_container(cluster), mapping(cluster, "gcsFaultToleranceOptions")
    if variable(head, "RAY_REDIS_ADDRESS") is not None:
        yield HEAD_ENV, "sets RAY_REDIS_ADDRESS, use gcsFaultToleranceOptions.redisAddress instead"
    if variable(head, "REDIS_USERNAME") is not None:
        yield HEAD_ENV, "sets REDIS_USERNAME, use gcsFaultToleranceOptions.redisUsername instead"
    if not options:
        return
    in_parameters = text(cluster, "headGroupSpec", "rayStartParams", "redis-password")
    if in_parameters or variable(head, "REDIS_PASSWORD") is not None:
        yield HEAD_ENV, "contains Redis' password, use gcsFaultToleranceOptions.redisPassword instead"
    if text(options, "backend") == "rocksdb":
        gate = "GCSFaultToleranceEmbeddedStorage"
        yield "gcsFaultToleranceOptions.backend", f"rocksdb needs the operator's feature gate {gate}, use redis"
        return
    if "storage" in options:
        yield "gcsFaultToleranceOptions.storage", "applies to rocksdb only, leave it out"
    if not text(options, "redisAddress"):
        # The operator accepts this, but the head then starts without Redis and silently loses its state.
        yield "gcsFaultToleranceOptions.redisAddress", "is missing, use redis://HOST:PORT"


def _token(cluster: Body) -> Iterator[Problem]:
    options = mapping(cluster, "authOptions")
    if options.get("enableK8sTokenAuth"):
        yield "authOptions.enableK8sTokenAuth", "does not apply to a RayService, leave it out"
    if text(options, "mode") == "token" and _version(text(cluster, "rayVersion")) < (2, 52):
        yield "rayVersion", invalid(cluster.get("rayVersion"), "2.52.0 or later, which token authentication needs")


def _gated(cluster: Body) -> Iterator[Problem]:
    for field, gate in GATED.items():
        if field in cluster:
            yield field, f"needs the operator's feature gate {gate}, leave it out: the gate is off by default"


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
    """Value of a container's environment variable: empty if it comes from a reference, None if it is not set."""
    for each in sequence(container, "env"):
        if text(each, "name") == name:
            return text(each, "value")
    return None


def _version(version: str) -> tuple[int, ...]:
    """A version as numbers; (0,) if the text is not a version."""
    match = re.match(r"(\d+)\.(\d+)(?:\.(\d+))?", version)
    return tuple(int(part or 0) for part in match.groups()) if match else (0,)
