"""What this machine has, with a driver's library that a test plays."""

from __future__ import annotations

import pytest
import ray._private.thirdparty.pynvml as nvml
from ray._private import accelerators
from ray._private.accelerators import NvidiaGPUAcceleratorManager

from deployments.hardware.catalogue import device_name, in_words
from deployments.hardware.machine import GIB, FoundGpu, this_machine

CARDS = [("NVIDIA GeForce RTX 4090", 24_564), ("NVIDIA H100 80GB HBM3", 81_559), ("NVIDIA A100-SXM4-40GB", 40_960)]


@pytest.fixture
def driver(monkeypatch):
    """NVML with cards, through Ray's own manager."""
    cards = list(CARDS)

    class Memory:
        def __init__(self, mib):
            self.total = mib * 2**20

    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    for name, stub in {
        "nvmlInit": lambda: None,
        "nvmlShutdown": lambda: None,
        "nvmlDeviceGetCount": lambda: len(cards),
        "nvmlDeviceGetHandleByIndex": lambda index: index,
        "nvmlDeviceGetHandleByUUID": lambda uuid: int(uuid.removeprefix("GPU-")),
        "nvmlDeviceGetName": lambda handle: cards[handle][0],
        "nvmlDeviceGetMemoryInfo": lambda handle: Memory(cards[handle][1]),
    }.items():
        monkeypatch.setattr(nvml, name, stub)
    monkeypatch.setattr(accelerators, "get_accelerator_manager_for_resource", lambda name: NvidiaGPUAcceleratorManager)
    return cards


def test_each_card_has_rays_type_and_the_drivers_memory(driver):
    machine = this_machine()
    assert [(gpu.id, gpu.ray_type, round(gpu.memory_gib, 1)) for gpu in machine.gpus] == [
        ("0", "GeForce-RTX-4090", 24.0),
        ("1", "H100", 79.6),
        ("2", "A100", 40.0),
    ]
    assert machine.visible_variable == "CUDA_VISIBLE_DEVICES"
    assert machine.cpus > 0
    assert [device_name(gpu) for gpu in machine.gpus] == ["RTX-4090", "H100", "A100-40G"]


@pytest.mark.parametrize(("visible", "types"), [("2,0", ["A100", "GeForce-RTX-4090"]), ("GPU-1", ["H100"]), ("", [])])
def test_hidden_cards_do_not_count(driver, monkeypatch, visible, types):
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    assert [gpu.ray_type for gpu in this_machine().gpus] == types


def test_a_driver_that_does_not_describe_a_card_leaves_rays_type(driver, monkeypatch):
    def fails(handle):
        raise nvml.NVMLError(nvml.NVML_ERROR_NOT_SUPPORTED)

    monkeypatch.setattr(nvml, "nvmlDeviceGetMemoryInfo", fails)
    assert this_machine().gpus == tuple(FoundGpu(str(index), "GeForce-RTX-4090", None) for index in range(3))


def test_no_driver_means_no_gpu(driver):
    driver.clear()
    assert this_machine().gpus == ()


@pytest.mark.parametrize(
    ("ray_type", "memory_gib", "name"),
    [
        ("A100", 79.3, "A100-80G"),
        ("A100", 39.4, "A100-40G"),
        ("A100", None, "A100-80G"),
        ("H100", 93.6, "H100-NVL"),
        ("GeForce-RTX-3090", 24.0, "RTX-3090"),
        ("L40S", 44.7, "L40S"),
        ("GeForce-GTX-1080", 8.0, None),
        ("AMD-Instinct-MI300X-OAM", 191.7, "MI300X"),
    ],
)
def test_the_catalogues_name_is_that_of_type_and_memory(ray_type, memory_gib, name):
    assert device_name(FoundGpu("0", ray_type, memory_gib)) == name


def test_gpus_in_words():
    gpus = [FoundGpu("0", "H100", 81_559 * 2**20 / GIB)] * 2 + [FoundGpu("2", "L4", None)]
    assert in_words(gpus) == "2 x H100 (79.6 GiB), 1 x L4"
    assert in_words([]) == "no GPU"
