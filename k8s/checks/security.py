"""Checks that pods have no privileges, images have a version, and the Ray cluster uses token authentication."""

from __future__ import annotations

from collections.abc import Iterator

from cluster.problems import invalid, shown
from k8s.checks.finding import Finding
from k8s.checks.objects import Body, dig, mapping, sequence, text
from k8s.checks.operator_rules import variable
from k8s.checks.rendered import RAY_CLUSTER, Pod, Rendered

CHECK = "security"
POD_STANDARD = "pod-security.kubernetes.io/enforce"
"""Label of a namespace that makes Kubernetes reject privileged pods."""


def check_security(rendered: Rendered) -> Iterator[Finding]:
    """Check every container, including the autoscaler's, and Ray's token authentication."""
    for pod in rendered.pods():
        for path, container in pod.containers():
            for field, problem in [*_context(container, pod.spec), *_image(container)]:
                yield Finding(CHECK, pod.manifest.where(f"{path}.{field}"), problem)
        for field, problem in _pod_problems(pod):
            yield Finding(CHECK, pod.where(f"spec.{field}"), problem)
    for namespace in rendered.of_kind("Namespace"):
        level = text(namespace.body, "metadata", "labels", POD_STANDARD)
        if level not in ("restricted", "baseline", "privileged"):
            where = namespace.where(f"metadata.labels.{POD_STANDARD}")
            yield Finding(CHECK, where, f"invalid value '{level}', use restricted: no pod there needs privileges")
    yield from _autoscaler(rendered)
    yield from _token(rendered)


def _pod_problems(pod: Pod) -> Iterator[tuple[str, str]]:
    for field in ("hostNetwork", "hostPID", "hostIPC"):
        if pod.spec.get(field):
            yield field, "shares the machine's namespace, leave it out"
    if not pod.is_head and pod.spec.get("automountServiceAccountToken") is not False:
        yield "automountServiceAccountToken", "gives Kubernetes' token to engines, use false: they do not need it"
    if pod.is_ray and not text(pod.spec, "serviceAccountName"):
        yield "serviceAccountName", "is missing, use an account of the fleet, not the namespace's default"
    claims = [each for each in sequence(pod.spec, "volumes") if "persistentVolumeClaim" in mapping(each)]
    claims += sequence(pod.manifest.body, "spec", "volumeClaimTemplates")
    if claims and not mapping(pod.spec, "securityContext").get("fsGroup"):
        yield "securityContext.fsGroup", "is missing, use the group that writes to the volume, or root owns it"


def _context(container: Body, pod_spec: Body) -> Iterator[tuple[str, str]]:
    """Kubernetes' restricted pod standard: https://kubernetes.io/docs/concepts/security/pod-security-standards/"""
    own, shared = mapping(container, "securityContext"), mapping(pod_spec, "securityContext")
    effective = shared | own
    if effective.get("runAsNonRoot") is not True:
        yield "securityContext.runAsNonRoot", invalid(effective.get("runAsNonRoot"), "true")
    if not effective.get("runAsUser"):
        # If the image only has a user's name, Kubernetes cannot verify that it is not root and rejects the pod.
        yield "securityContext.runAsUser", invalid(effective.get("runAsUser"), "the user's number, not 0")
    if own.get("allowPrivilegeEscalation") is not False:
        yield "securityContext.allowPrivilegeEscalation", invalid(own.get("allowPrivilegeEscalation"), "false")
    if own.get("privileged"):
        yield "securityContext.privileged", "invalid value true, leave it out"
    if "ALL" not in sequence(own, "capabilities", "drop"):
        yield "securityContext.capabilities.drop", 'keeps capabilities, use ["ALL"]'
    if text(effective, "seccompProfile", "type") not in ("RuntimeDefault", "Localhost"):
        yield "securityContext.seccompProfile", "is missing, use type: RuntimeDefault"


def _image(container: Body) -> Iterator[tuple[str, str]]:
    image = text(container, "image")
    tag = image.rpartition("/")[2].partition(":")[2]
    if "@sha256:" not in image and tag in ("", "latest"):
        yield "image", f"invalid value '{image}', use a tag of one version, so that a restart runs the same code"


def _autoscaler(rendered: Rendered) -> Iterator[Finding]:
    """Check the autoscaler's container, which the operator adds to the head's pod with the context of its options."""
    for manifest in rendered.of_kind("RayService"):
        cluster = mapping(manifest.body, "spec", "rayClusterConfig")
        if not cluster.get("enableInTreeAutoscaling"):
            continue
        head = mapping(cluster, "headGroupSpec", "template", "spec")
        for field, problem in _context(mapping(cluster, "autoscalerOptions"), head):
            yield Finding(CHECK, manifest.where(f"{RAY_CLUSTER}.autoscalerOptions.{field}"), problem)


def _token(rendered: Rendered) -> Iterator[Finding]:
    """Anyone who reaches Ray's ports can run code, so all nodes must require the same token."""
    for manifest in rendered.of_kind("RayService"):
        mode = dig(manifest.body, "spec", "rayClusterConfig", "authOptions", "mode")
        if mode != "token":
            where = manifest.where(f"{RAY_CLUSTER}.authOptions.mode")
            yield Finding(CHECK, where, invalid(mode, "token: anyone who reaches Ray's ports can run code"))
    for name in ("RAY_AUTH_MODE", "RAY_AUTH_TOKEN"):
        for pod in rendered.ray_pods():
            if (found := _set_by_hand(pod, name)) is not None:
                problem = f"sets {name} ({found}), leave it out: the operator sets it on all nodes"
                yield Finding(CHECK, pod.where("spec.containers[0].env"), problem)


def _set_by_hand(pod: Pod, name: str) -> str | None:
    value = variable(pod.ray_container, name)
    return None if value is None else shown(value or "by reference")
