"""Texts of the `kubernetes` section in the forms that Kubernetes accepts."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator

from cluster.problems import shown


def _size(value: str) -> str:
    if not re.fullmatch(r"[1-9][0-9]*(Mi|Gi|Ti)", value):
        raise ValueError(f"invalid value {shown(value)}, use a size such as 500Gi")
    return value


def _object_name(value: str) -> str:
    """A DNS subdomain, as Kubernetes names most objects."""
    if not re.fullmatch(r"[a-z0-9]([a-z0-9.-]{0,251}[a-z0-9])?", value):
        raise ValueError(f"invalid value {shown(value)}, use lower-case letters, digits, inner dots and hyphens")
    return value


def _node_path(value: str) -> str:
    """Not `~/...`: a pod's home is its own."""
    if not value.startswith("/"):
        raise ValueError(f"invalid value {shown(value)}, use an absolute path, such as /mnt/disks/ssd0")
    return value


Quantity = Annotated[str, AfterValidator(_size)]
ObjectName = Annotated[str, AfterValidator(_object_name)]
NodePath = Annotated[str, AfterValidator(_node_path)]
