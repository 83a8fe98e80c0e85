"""Names of the catalogue (`cluster.devices`) for the GPUs that Ray finds."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from cluster.devices import DEVICES
from deployments.hardware.machine import FoundGpu

TOLERANCE = 0.03
"""A driver keeps up to so much of a card's memory for itself."""


def is_type(accelerator_type: str | None, ray_type: str) -> bool:
    """Whether a GPU of Ray's type is of a catalogue's type: Ray finds `A100` where its own list has `A100-80G`."""
    return accelerator_type is not None and (
        accelerator_type == ray_type or accelerator_type.startswith(f"{ray_type}-")
    )


def has_memory(gpu: FoundGpu, memory_gib: float) -> bool:
    """Whether a GPU has at least so much memory, or does not say how much it has."""
    return gpu.memory_gib is None or gpu.memory_gib >= memory_gib * (1 - TOLERANCE)


def device_name(gpu: FoundGpu) -> str | None:
    """The catalogue's name of a GPU: of its type, the one with the most memory that the GPU has."""
    known = {
        name: device.memory_gib for name, device in DEVICES.items() if is_type(device.accelerator_type, gpu.ray_type)
    }
    fitting = [name for name, memory_gib in known.items() if has_memory(gpu, memory_gib)]
    return max(fitting, key=lambda name: known[name], default=None)


def in_words(gpus: Sequence[FoundGpu]) -> str:
    """Such as `8 x H100 (79.6 GiB)`."""
    kinds = Counter(f"{gpu.ray_type}{f' ({gpu.memory_gib:.1f} GiB)' if gpu.memory_gib else ''}" for gpu in gpus)
    return ", ".join(f"{count} x {kind}" for kind, count in kinds.items()) or "no GPU"
