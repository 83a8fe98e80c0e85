"""Pods without privileges, images with a version, one way of authentication for the whole Ray cluster."""

from __future__ import annotations

from collections.abc import Iterator

from cluster.problems import shown
from k8s.checks.finding import Finding
from k8s.checks.objects import Body, dig, mapping, sequence, text
from k8s.checks.operator_rules import variable
from k8s.checks.rendered import RAY_CLUSTER, Pod, Rendered

CHECK = "security"
POD_STANDARD = "pod-security.kubernetes.io/enforce"
"""Label of a namespace by which Kubernetes refuses pods with privileges."""


def check_security(rendered: Rendered) -> Iterator[Finding]:
    """Every container of every pod, the autoscaler's and Ray's token authentication included."""
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
            yield Finding(CHECK, where, f"found '{level}': write restricted: no pod there needs privileges")
    yield from _autoscaler(rendered)
    yield from _token(rendered)


def _pod_problems(pod: Pod) -> Iterator[tuple[str, str]]:
    for field in ("hostNetwork", "hostPID", "hostIPC"):
        if pod.spec.get(field):
            yield field, "shares the machine's own: leave it out"
    if not pod.is_head and pod.spec.get("automountServiceAccountToken") is not False:
        yield "automountServiceAccountToken", "hands Kubernetes' token to engines, who have no use for it: write false"
    if pod.is_ray and not text(pod.spec, "serviceAccountName"):
        yield "serviceAccountName", "is missing: write an account of the fleet's own, not the namespace's default"
    claims = [each for each in sequence(pod.spec, "volumes") if "persistentVolumeClaim" in mapping(each)]
    claims += sequence(pod.manifest.body, "spec", "volumeClaimTemplates")
    if claims and not mapping(pod.spec, "securityContext").get("fsGroup"):
        yield "securityContext.fsGroup", "is missing: the volume would be root's, write the group that may write"


def _context(container: Body, pod_spec: Body) -> Iterator[tuple[str, str]]:
    """Kubernetes' restricted pod standard: https://kubernetes.io/docs/concepts/security/pod-security-standards/"""
    own, shared = mapping(container, "securityContext"), mapping(pod_spec, "securityContext")
    together = shared | own
    if together.get("runAsNonRoot") is not True:
        yield "securityContext.runAsNonRoot", f"found {shown(together.get('runAsNonRoot'))}: write true"
    if not together.get("runAsUser"):
        # With a user that the image names in letters Kubernetes cannot tell that it is not root, and starts nothing.
        yield "securityContext.runAsUser", f"found {shown(together.get('runAsUser'))}: write the user's number, not 0"
    if own.get("allowPrivilegeEscalation") is not False:
        found = shown(own.get("allowPrivilegeEscalation"))
        yield "securityContext.allowPrivilegeEscalation", f"found {found}: write false"
    if own.get("privileged"):
        yield "securityContext.privileged", "found true: leave it out"
    if "ALL" not in sequence(own, "capabilities", "drop"):
        yield "securityContext.capabilities.drop", 'keeps capabilities: write ["ALL"]'
    if text(together, "seccompProfile", "type") not in ("RuntimeDefault", "Localhost"):
        yield "securityContext.seccompProfile", "is missing: write type: RuntimeDefault"


def _image(container: Body) -> Iterator[tuple[str, str]]:
    image = text(container, "image")
    tag = image.rpartition("/")[2].partition(":")[2]
    if "@sha256:" not in image and tag in ("", "latest"):
        yield "image", f"found '{image}': write a tag that names one version, so that a restart runs the same code"


def _autoscaler(rendered: Rendered) -> Iterator[Finding]:
    """The operator adds the autoscaler's container to the head's pod, with the context that its options give."""
    for manifest in rendered.of_kind("RayService"):
        cluster = mapping(manifest.body, "spec", "rayClusterConfig")
        if not cluster.get("enableInTreeAutoscaling"):
            continue
        head = mapping(cluster, "headGroupSpec", "template", "spec")
        for field, problem in _context(mapping(cluster, "autoscalerOptions"), head):
            yield Finding(CHECK, manifest.where(f"{RAY_CLUSTER}.autoscalerOptions.{field}"), problem)


def _token(rendered: Rendered) -> Iterator[Finding]:
    """Whoever reaches Ray's ports runs code: a token is needed, and head and workers have to agree on it."""
    for manifest in rendered.of_kind("RayService"):
        mode = dig(manifest.body, "spec", "rayClusterConfig", "authOptions", "mode")
        if mode != "token":
            where = manifest.where(f"{RAY_CLUSTER}.authOptions.mode")
            yield Finding(CHECK, where, f"found {shown(mode)}: write token; who reaches Ray's ports runs code there")
    for name in ("RAY_AUTH_MODE", "RAY_AUTH_TOKEN"):
        for pod in rendered.ray_pods():
            if (found := _set_by_hand(pod, name)) is not None:
                problem = f"sets {name} ({found}), which the operator sets alike on all nodes: leave it out"
                yield Finding(CHECK, pod.where("spec.containers[0].env"), problem)


def _set_by_hand(pod: Pod, name: str) -> str | None:
    value = variable(pod.ray_container, name)
    return None if value is None else shown(value or "from elsewhere")
