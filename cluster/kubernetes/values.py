"""Texts of the `kubernetes` section in the forms that Kubernetes accepts."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import PurePosixPath
from typing import Annotated

from pydantic import AfterValidator

from cluster.problems import shown

IMAGE_ROOT = "/opt/signalbox"
"""The folder where k8s/Dockerfile puts the project."""
RAY_HOME = "/home/ray"
"""The home folder of Ray's images, which contains Python and all packages."""
NEEDED_FOLDERS = (
    *("/bin", "/boot", "/dev/shm", "/etc", "/lib", "/lib64", "/proc", "/root", "/run", "/sbin", "/sys", "/tmp/ray"),
    *("/usr", "/var/lib", "/var/run", RAY_HOME, f"{RAY_HOME}/anaconda3", IMAGE_ROOT),
)
"""Folders that a container needs: a volume may be mounted neither there nor above."""
CLOSED_FOLDERS = ("/dev", "/proc", "/sys", "/tmp/ray", IMAGE_ROOT)
"""Folders below which no volume may be mounted either."""

QUALIFIED_NAME = re.compile(
    r"(?:(?=.{1,253}/)[a-z0-9](?:[a-z0-9-]*[a-z0-9])?(?:\.[a-z0-9](?:[a-z0-9-]*[a-z0-9])?)*/)?"
    r"[A-Za-z0-9](?:[A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?"
)
"""Keys of labels, annotations, taints and names of resources (k8s.io/apimachinery, IsQualifiedName)."""
HOST = r"[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?(?:\.[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?)*"
IMAGE = re.compile(
    rf"(?:{HOST}(?::[0-9]{{1,5}})?/)?"  # registry
    r"[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:\.|_|__|-+)[a-z0-9]+)*)*"
    r"(?::\w[\w.-]{0,127})?(?:@sha256:[0-9a-f]{64})?"
)
"""An image's name, as https://pkg.go.dev/github.com/distribution/reference defines it."""


def _form(pattern: str | re.Pattern[str], use: str) -> AfterValidator:
    """Texts that match a pattern as a whole."""
    return AfterValidator(_checked(lambda value: bool(re.fullmatch(pattern, value)), use))


def _checked(holds: Callable[[str], bool], use: str) -> Callable[[str], str]:
    def check(value: str) -> str:
        if not holds(value):
            raise ValueError(f"invalid value {shown(value)}, use {use}")
        return value

    return check


def mount_problem(path: str) -> str | None:
    """Why no volume can be mounted at an absolute path; None if one can."""
    folder = PurePosixPath(path)
    if ".." in folder.parts or ":" in path:
        return "use a path without '..' and ':'"
    needed = [each for each in NEEDED_FOLDERS if PurePosixPath(each).is_relative_to(folder)]
    needed += [each for each in CLOSED_FOLDERS if folder.is_relative_to(each)]
    return f"a volume there hides {needed[0]}, which pods need: use a folder such as /mnt/models" if needed else None


def _mount(value: str) -> str:
    if problem := mount_problem(value):
        raise ValueError(f"invalid value {shown(value)}, {problem}")
    return value


def _extended_resource(value: str) -> bool:
    """Nodes offer devices under a domain's name; `kubernetes.io` is reserved."""
    domain, slash, _ = value.partition("/")
    return bool(slash and QUALIFIED_NAME.fullmatch(value)) and not f".{domain}".endswith(".kubernetes.io")


Quantity = Annotated[str, _form(r"[1-9][0-9]*(Mi|Gi|Ti)", "a size such as 500Gi")]
ObjectName = Annotated[
    str, _form(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?", "lower-case letters, digits, inner dots and hyphens")
]
"""A DNS subdomain, as Kubernetes names most objects."""
NodePath = Annotated[str, _form(r"/(?s:.*)", "an absolute path, such as /mnt/disks/ssd0")]
"""Not `~/...`, because a pod has a home folder of its image."""
MountPath = Annotated[NodePath, AfterValidator(_mount)]
Key = Annotated[str, _form(QUALIFIED_NAME, "letters, digits and inner '-', '_', '.', after an optional domain and '/'")]
"""A key of a label, an annotation or a taint."""
LabelValue = Annotated[
    str,
    _form(r"([A-Za-z0-9]([A-Za-z0-9_.-]{0,61}[A-Za-z0-9])?)?", "at most 63 letters, digits and inner '-', '_', '.'"),
]
PodLabel = Annotated[
    Key, _form(r"(?!(ray\.io|signalbox)/).*", "a label of your own: those of ray.io and signalbox select pods")
]
DeviceResource = Annotated[
    str, AfterValidator(_checked(_extended_resource, "a resource with its domain, such as nvidia.com/gpu"))
]
Image = Annotated[str, _form(IMAGE, "an image such as registry.example.com/signalbox:0.1.0, in lower case")]
Variable = Annotated[str, _form(r"[A-Za-z_][A-Za-z0-9_]*", "a variable's name: letters, digits and '_'")]
WebPage = Annotated[str, _form(r"https?://\S+", "an address such as https://docs.example.com/alerts")]
RedisAddress = Annotated[str, _form(rf"(rediss?://)?{HOST}:[0-9]{{1,5}}", "HOST:PORT, with rediss:// in front for TLS")]
