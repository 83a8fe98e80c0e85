"""The table of devices, names that are not in it, and devices that a spec describes."""

from __future__ import annotations

import pytest
from ray._private.accelerators.amd_gpu import amd_product_dict
from ray._private.accelerators.nvidia_gpu import NvidiaGPUAcceleratorManager
from ray.util.accelerators import accelerators as ray_types

from cluster.device import DeviceSpec
from cluster.devices import DEVICES, SOURCES, device_hint
from cluster.loading import PROJECT_ROOT
from cluster.spec import FleetSpec, HardwareSpec

DRIVER_NAMES = {
    "T4": "Tesla T4",
    "A10": "NVIDIA A10",
    "A10G": "NVIDIA A10G",
    "A30": "NVIDIA A30",
    "A40": "NVIDIA A40",
    "L4": "NVIDIA L4",
    "L40": "NVIDIA L40",
    "L40S": "NVIDIA L40S",
    "RTX-3090": "NVIDIA GeForce RTX 3090",
    "RTX-4090": "NVIDIA GeForce RTX 4090",
    "RTX-5090": "NVIDIA GeForce RTX 5090",
    "RTX-A6000": "NVIDIA RTX A6000",
    "RTX-6000-Ada": "NVIDIA RTX 6000 Ada Generation",
    "RTX-PRO-6000": "NVIDIA RTX PRO 6000 Blackwell Server Edition",
    "A100-40G": "NVIDIA A100-SXM4-40GB",
    "A100-80G": "NVIDIA A100-SXM4-80GB",
    "H100-PCIe": "NVIDIA H100 PCIe",
    "H100": "NVIDIA H100 80GB HBM3",
    "H100-NVL": "NVIDIA H100 NVL",
    "GH200": "NVIDIA GH200 480GB",
    "H200": "NVIDIA H200",
    "H200-NVL": "NVIDIA H200 NVL",
    "B200": "NVIDIA B200",
    "GB200": "NVIDIA GB200",
    "B300": "NVIDIA B300 SXM6 AC",
}
"""What NVIDIA's driver calls the devices, as `nvidia-smi` prints it."""
OWN = {"name": "RX-7900-XTX", "memory_gib": 24.0, "resource": "amd.com/gpu"}


def of_maker(domain):
    return {name: device for name, device in DEVICES.items() if device.domain == domain}


def test_nvidias_types_are_what_ray_makes_of_the_drivers_names():
    made = {
        name: NvidiaGPUAcceleratorManager._gpu_name_to_accelerator_type(text) for name, text in DRIVER_NAMES.items()
    }
    assert made == {name: device.ray_type for name, device in of_maker("nvidia.com").items()}


def test_other_makers_types_are_rays():
    assert {device.ray_type for device in of_maker("amd.com").values()} <= set(amd_product_dict.values())
    known = {value for value in vars(ray_types).values() if isinstance(value, str)}
    assert {device.ray_type for name in ("habana.ai", "google.com") for device in of_maker(name).values()} <= known


def test_every_accelerator_has_its_figures_and_their_source():
    accelerators = {name: device for name, device in DEVICES.items() if device.is_gpu}
    assert len(accelerators) >= 30
    assert set(SOURCES) == set(accelerators)
    assert all(source.startswith("https://") for source in SOURCES.values())
    assert all(device.bandwidth_gb_s and device.tflops for device in accelerators.values())


def test_the_page_lists_the_table():
    page = (PROJECT_ROOT / "docs" / "accelerators.md").read_text()
    rows = [
        f"| `{name}` | {device.memory_gib:g} | {device.bandwidth_gb_s:,.0f} | {device.tflops:,.0f} | "
        f"{'' if device.ray_type is None else f'`{device.ray_type}`'} | [page]({SOURCES[name]}) |"
        for name, device in DEVICES.items()
        if device.is_gpu
    ]
    assert [line for line in page.splitlines() if line.endswith(") |")] == rows


@pytest.mark.parametrize(
    ("written", "meant"),
    [
        ("h100", "'H100'"),
        ("NVIDIA L4", "'L4'"),
        ("rtx_4090", "'RTX-4090'"),
        ("GeForce RTX 5090", "'RTX-5090'"),
        ("A100 80GB", "'A100-80G'"),
        ("A100", "'A100-40G' or 'A100-80G'"),
        ("Gaudi3", "'Gaudi-3'"),
        ("tpu-v6e", "'TPU-v6e'"),
    ],
)
def test_another_spelling_of_a_device_is_recognised(written, meant):
    assert device_hint(written) == f"did you mean {meant}?"


@pytest.mark.parametrize(
    "written", ["RTX-3080", "RTX-4090-Ti", "B100", "GB300", "H800", "A100X", "L20", "MI308X", "RX-7900-XTX"]
)
def test_a_device_with_a_similar_name_is_not_suggested(written):
    hint = device_hint(written)
    assert hint.startswith("use one of cpu; NVIDIA T4, ")
    assert "; AMD MI210, " in hint


def test_a_device_can_be_described():
    hardware = HardwareSpec.model_validate({"device": OWN})
    assert hardware.is_gpu
    assert (hardware.device_memory_gib, hardware.device.ray_resource, hardware.device.ray_type) == (24.0, "GPU", None)


def test_a_spec_says_a_known_device_by_its_name_and_another_in_full():
    hardware = {"own": {"device": OWN}, "l4": {"device": "L4"}}
    pool = {"tier": "small", "model": "m", "hardware": "own"}
    spec = FleetSpec.model_validate({"pools": {"p": pool}, "hardware": hardware})
    sent = spec.model_dump(mode="json")
    assert sent["hardware"]["l4"]["device"] == "L4"
    assert sent["hardware"]["own"]["device"] == OWN | {"ray_type": None, "bandwidth_gb_s": None, "tflops": None}
    assert FleetSpec.model_validate(sent) == spec


@pytest.mark.parametrize(
    ("resource", "ray_resource", "served"),
    [
        ("nvidia.com/mig-3g.40gb", "GPU", True),
        ("amd.com/gpu", "GPU", True),
        ("gpu.intel.com/xe", "GPU", False),
        ("habana.ai/gaudi", "HPU", False),
        ("google.com/tpu", "TPU", False),
    ],
)
def test_the_maker_decides_rays_resource_and_whether_an_engine_runs_on_it(resource, ray_resource, served):
    device = DeviceSpec(name="d", memory_gib=1.0, resource=resource)
    assert (device.ray_resource, device.is_served) == (ray_resource, served)
