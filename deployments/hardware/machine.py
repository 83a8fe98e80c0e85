"""GPUs, processors and memory of this machine, found through Ray's accelerator managers and the driver's library."""

from __future__ import annotations

import os
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import psutil

GIB = 2**30


@dataclass(frozen=True)
class FoundGpu:
    """One GPU that this process may use."""

    id: str
    """As in the driver's variable of visible devices: an index, or a UUID."""
    ray_type: str
    """What Ray calls it, such as `H100` or `GeForce-RTX-4090`."""
    memory_gib: float | None
    """As the driver reports it; None if it does not."""


@dataclass(frozen=True)
class Machine:
    """What this machine has."""

    gpus: tuple[FoundGpu, ...]
    visible_variable: str
    """The variable that hides GPUs from a process, such as `CUDA_VISIBLE_DEVICES`."""
    cpus: int
    memory_gib: float


def this_machine() -> Machine:
    """Look at this machine. GPUs that the variable of visible devices hides do not count."""
    from ray._private.accelerators import get_accelerator_manager_for_resource

    manager: Any = get_accelerator_manager_for_resource("GPU")
    variable = str(manager.get_visible_accelerator_ids_env_var())
    return Machine(_gpus(manager, variable), variable, os.cpu_count() or 1, psutil.virtual_memory().total / GIB)


def _gpus(manager: Any, variable: str) -> tuple[FoundGpu, ...]:
    visible = manager.get_current_process_visible_accelerator_ids()
    ids = [str(index) for index in range(manager.get_current_node_num_accelerators())] if visible is None else visible
    if not ids:
        return ()
    common = str(manager.get_current_node_accelerator_type() or "unknown")
    describe = DESCRIBERS.get(variable, _nothing)
    found = describe(ids)
    return tuple(FoundGpu(id, *found.get(id, (common, None))) for id in ids)


Described = dict[str, tuple[str, float | None]]
"""Ray's type and memory in GiB by id."""


def _nothing(ids: list[str]) -> Described:
    return {}


def _nvidia(ids: list[str]) -> Described:
    """From NVML, which knows each card of a mixed machine."""
    from ray._private.accelerators import NvidiaGPUAcceleratorManager
    from ray._private.thirdparty import pynvml

    nvml: Any = pynvml  # untyped, like the manager
    manager: Any = NvidiaGPUAcceleratorManager
    found: Described = {}
    with suppress(nvml.NVMLError):
        nvml.nvmlInit()
        for id in ids:
            with suppress(nvml.NVMLError):
                by_index = id.isdigit()
                handle = nvml.nvmlDeviceGetHandleByIndex(int(id)) if by_index else nvml.nvmlDeviceGetHandleByUUID(id)
                name = nvml.nvmlDeviceGetName(handle)
                text = name.decode() if isinstance(name, bytes) else str(name)
                ray_type = manager._gpu_name_to_accelerator_type(text) or text
                found[id] = (ray_type, nvml.nvmlDeviceGetMemoryInfo(handle).total / GIB)
        nvml.nvmlShutdown()
    return found


def _amd(ids: list[str]) -> Described:
    """From AMD's SMI, if its Python package is installed. All cards of a machine are of one type."""
    from ray._private.accelerators import AMDGPUAcceleratorManager
    from ray._private.thirdparty.pyamdsmi import pyamdsmi

    smi: Any = pyamdsmi  # untyped
    try:
        smi.smi_initialize()
    except Exception:  # the package or the driver is missing, each with a different exception
        return {}
    common = str(AMDGPUAcceleratorManager.get_current_node_accelerator_type() or "unknown")
    sizes = {id: smi.smi_get_device_memory_total(int(id)) for id in ids if id.isdigit()}
    smi.smi_shutdown()
    return {id: (common, size / GIB if size > 0 else None) for id, size in sizes.items()}


DESCRIBERS: dict[str, Callable[[list[str]], Described]] = {"CUDA_VISIBLE_DEVICES": _nvidia, "HIP_VISIBLE_DEVICES": _amd}
"""By the variable of visible devices, which names the driver. For others, all devices have the manager's type."""
