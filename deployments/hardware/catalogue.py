"""The spec's devices and the GPUs that Ray finds: the names of one for the other."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from cluster.devices import DEVICES
from cluster.spec import HardwareSpec
from deployments.hardware.machine import FoundGpu

TOLERANCE = 0.03
"""A driver keeps up to so much of a card's memory for itself."""


def ray_type(hardware: HardwareSpec) -> str | None:
    """Ray's accelerator type of a spec's hardware; None without GPUs."""
    return hardware.device.ray_type


def written(hardware: HardwareSpec) -> str:
    """A spec's device as the spec names it."""
    return hardware.device.name


def is_type(asked: str | None, found: str) -> bool:
    """Whether a GPU that Ray has found is of an accelerator type: Ray finds `A100` where its list has `A100-80G`."""
    return asked is not None and (asked == found or asked.startswith(f"{found}-"))


def is_gpu_of(hardware: HardwareSpec, gpu: FoundGpu) -> bool:
    """Whether a GPU will do as a device of a spec's hardware. A described device may leave its type open."""
    asked = ray_type(hardware)
    right = hardware.is_gpu if asked is None else is_type(asked, gpu.ray_type)
    return right and has_memory(gpu, hardware.device_memory_gib)


def has_memory(gpu: FoundGpu, memory_gib: float) -> bool:
    """Whether a GPU has at least so much memory, or reports none."""
    return gpu.memory_gib is None or gpu.memory_gib >= memory_gib * (1 - TOLERANCE)


def device_name(gpu: FoundGpu) -> str | None:
    """The catalogue's name of a GPU: of its type, the one with the most memory that the GPU has."""
    known = {name: device.memory_gib for name, device in DEVICES.items() if is_type(device.ray_type, gpu.ray_type)}
    fitting = [name for name, memory_gib in known.items() if has_memory(gpu, memory_gib)]
    return max(fitting, key=lambda name: known[name], default=None)


def in_words(gpus: Sequence[FoundGpu]) -> str:
    """Such as `8 x H100 (79.6 GiB)`."""
    kinds = Counter(f"{gpu.ray_type}{f' ({gpu.memory_gib:.1f} GiB)' if gpu.memory_gib else ''}" for gpu in gpus)
    return ", ".join(f"{count} x {kind}" for kind, count in kinds.items()) or "no GPU"
