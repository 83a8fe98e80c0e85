"""What a device is: its memory and speed, and the names by which Ray and Kubernetes know it."""

from __future__ import annotations

import re
from typing import Annotated

from pydantic import AfterValidator, Field

from cluster.part import Part, Text

CPU = "cpu"
"""Kubernetes' resource of devices that are no accelerators: their unit is one rank."""
RAY_RESOURCES = {"habana.ai": "HPU", "google.com": "TPU"}
"""Ray's resource by the maker's domain, where it is not `GPU`. Source: `ray._private.accelerators` in Ray 2.56."""
SERVED = ("nvidia.com", "amd.com")
"""Makers whose devices the engines here can use: vLLM's worker for CUDA and ROCm, and torch's `cuda` device."""


def _plain_name(value: str) -> str:
    if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]{0,62}", value):
        raise ValueError(f"invalid value '{value}', use letters, digits, dots and hyphens, such as RTX-3090-Ti")
    return value


def _resource_name(value: str) -> str:
    if value != CPU and not re.fullmatch(r"[a-z0-9.-]{1,253}/[A-Za-z0-9._-]{1,63}", value):
        raise ValueError(f"invalid value '{value}', use the device plugin's resource: nvidia.com/gpu or amd.com/gpu")
    return value


class DeviceSpec(Part):
    """An accelerator that you describe yourself. The names in docs/accelerators.md need no description."""

    name: Annotated[str, AfterValidator(_plain_name)]
    """A name for tables and messages."""
    memory_gib: float = Field(gt=0, le=10_000)
    """Memory of one device in GiB as its driver reports it: the MiB of `nvidia-smi` or `amd-smi` / 1024."""
    resource: Annotated[str, AfterValidator(_resource_name)]
    """Kubernetes' resource name of the device: `nvidia.com/gpu`, `amd.com/gpu`, or a MIG slice such as
    `nvidia.com/mig-3g.40gb`. It also tells who made the device."""
    ray_type: Text | None = None
    """Ray's accelerator type: what follows `accelerator_type:` in the resources of `ray status -v`. None: pools ask
    for any GPU on nodes of this hardware."""
    bandwidth_gb_s: float | None = Field(default=None, gt=0)
    """Memory bandwidth in 10**9 bytes per second, for `signalbox simulate`."""
    tflops: float | None = Field(default=None, gt=0)
    """Dense 16-bit arithmetic in 10**12 operations per second, for `signalbox simulate`."""

    @property
    def domain(self) -> str:
        """The maker's domain, such as `nvidia.com`; `cpu` if it is no accelerator."""
        return self.resource.split("/")[0]

    @property
    def is_gpu(self) -> bool:
        """Whether it is an accelerator: a pool then asks Ray for one per rank."""
        return self.resource != CPU

    @property
    def ray_resource(self) -> str:
        """Ray's resource: `CPU`, `GPU`, `HPU` or `TPU`."""
        return RAY_RESOURCES.get(self.domain, "GPU") if self.is_gpu else "CPU"

    @property
    def is_served(self) -> bool:
        """Whether the engines here can use it; others are known to `signalbox plan` only."""
        return not self.is_gpu or self.domain in SERVED
