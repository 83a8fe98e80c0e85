"""Hardware in the spec: one kind of node, with its devices."""

from __future__ import annotations

from typing import Annotated, Any

from pydantic import BeforeValidator, Field, PlainSerializer

from cluster.device import DeviceSpec
from cluster.devices import DEVICES, device_hint
from cluster.part import Part
from cluster.problems import shown


def _known_device(value: Any) -> Any:
    """The device that a name means; a description is validated by its own fields."""
    if isinstance(value, (dict, DeviceSpec)):
        return value
    if not isinstance(value, str):
        raise ValueError(f"invalid value {shown(value)}, use a name such as L4, or a mapping that describes a device")
    if value not in DEVICES:
        own = f"or describe it: device: {{name: {value}, memory_gib: 24, resource: nvidia.com/gpu}}"
        hint = device_hint(value)
        raise ValueError(f"invalid value '{value}', {hint if hint.startswith('did') else f'{hint}; {own}'}")
    return DEVICES[value]


def _written_device(device: DeviceSpec) -> str | dict[str, Any]:
    """A known device is written as its name."""
    return device.name if DEVICES.get(device.name) == device else device.model_dump()


class HardwareSpec(Part):
    """One kind of node. Pools name the device type they need, never a node."""

    device: Annotated[DeviceSpec, BeforeValidator(_known_device), PlainSerializer(_written_device)] = DEVICES["cpu"]
    """Device type: a name from the table in docs/accelerators.md, or a description of a device that is not in it."""
    devices_per_node: int = Field(default=1, ge=1, le=1_000)
    """Devices of that type in one node. For `cpu`: ranks that one node hosts."""
    nodes: int = Field(default=1, ge=1, le=1_000)
    """Nodes of this kind: started on a laptop, the upper bound on Kubernetes."""
    memory_gib: float | None = Field(default=None, gt=0)
    """Memory of one device; default: the device's. For `cpu`: memory that one rank may use."""

    @property
    def is_gpu(self) -> bool:
        """Whether the device is an accelerator."""
        return self.device.is_gpu

    @property
    def device_memory_gib(self) -> float:
        """Memory of one device in GiB."""
        return self.memory_gib or self.device.memory_gib
