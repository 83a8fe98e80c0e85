"""Table of known devices, and what to write instead of a name that is not in it.

Columns: name, memory in GiB, memory bandwidth in GB/s, dense 16-bit TFLOPS, Ray's accelerator type, the maker's page
with these figures. Where a page prints a rate "with sparsity", the table has half of it. Memory is what the driver
reports, rounded to a tenth: `nvidia-smi` prints 23028 MiB for an A10 and 183359 MiB for a B200, less than the page. Ray
derives the type from the driver's name of the device; a test compares the column with Ray's own functions.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from cluster.device import CPU, DeviceSpec

Row = tuple[str, float, float, float, str, str]

_NVIDIA: tuple[Row, ...] = (
    ("T4", 15.0, 300, 65, "T4", "https://www.nvidia.com/en-us/data-center/tesla-t4/"),
    ("A10", 22.5, 600, 125, "A10", "https://www.nvidia.com/en-us/data-center/products/a10-gpu/"),
    ("A10G", 22.5, 600, 70, "A10G", "https://aws.amazon.com/ec2/instance-types/g5/"),
    ("A30", 24.0, 933, 165, "A30", "https://www.nvidia.com/en-us/data-center/products/a30-gpu/"),
    ("A40", 45.0, 696, 150, "A40", "https://www.nvidia.com/en-us/data-center/a40/"),
    ("L4", 22.5, 300, 121, "L4", "https://www.nvidia.com/en-us/data-center/l4/"),
    ("L40", 45.0, 864, 181, "L40", "https://www.nvidia.com/en-us/data-center/l40/"),
    ("L40S", 45.0, 864, 362, "L40S", "https://www.nvidia.com/en-us/data-center/l40s/"),
    (
        "RTX-3090", 24.0, 936, 71, "GeForce-RTX-3090",
        "https://www.nvidia.com/content/PDF/nvidia-ampere-ga-102-gpu-architecture-whitepaper-v2.pdf",
    ),
    (
        "RTX-4090", 24.0, 1008, 165, "GeForce-RTX-4090",
        "https://images.nvidia.com/aem-dam/Solutions/geforce/ada/nvidia-ada-gpu-architecture.pdf",
    ),
    (
        "RTX-5090", 31.8, 1792, 209, "GeForce-RTX-5090",
        "https://images.nvidia.com/aem-dam/Solutions/geforce/blackwell/nvidia-rtx-blackwell-gpu-architecture.pdf",
    ),
    ("RTX-A6000", 48.0, 768, 155, "RTX-A6000", "https://www.nvidia.com/en-us/products/workstations/rtx-a6000/"),
    ("RTX-6000-Ada", 48.0, 960, 364, "RTX-6000", "https://www.nvidia.com/en-us/products/workstations/rtx-6000/"),
    (
        "RTX-PRO-6000", 95.6, 1597, 500, "RTX-PRO-6000",
        "https://www.nvidia.com/en-us/data-center/rtx-pro-6000-blackwell-server-edition/",
    ),
    ("A100-40G", 40.0, 1555, 312, "A100", "https://www.nvidia.com/en-us/data-center/a100/"),
    ("A100-80G", 80.0, 2039, 312, "A100", "https://www.nvidia.com/en-us/data-center/a100/"),
    ("H100", 79.6, 3350, 989, "H100", "https://www.nvidia.com/en-us/data-center/h100/"),
    (
        "H100-PCIe", 79.6, 2000, 756, "H100",
        "https://resources.nvidia.com/en-us-tensor-core/nvidia-tensor-core-gpu-datasheet",
    ),
    ("H100-NVL", 93.6, 3900, 835, "H100", "https://www.nvidia.com/en-us/data-center/h100/"),
    ("GH200", 95.6, 4000, 989, "GH200", "https://www.nvidia.com/en-us/data-center/grace-hopper-superchip/"),
    ("H200", 140.4, 4800, 989, "H200", "https://www.nvidia.com/en-us/data-center/h200/"),
    ("H200-NVL", 140.4, 4800, 835, "H200", "https://www.nvidia.com/en-us/data-center/h200/"),
    ("B200", 179.1, 7700, 2250, "B200", "https://www.nvidia.com/en-us/data-center/hgx/"),
    ("GB200", 185.0, 8000, 2500, "GB200", "https://www.nvidia.com/en-us/data-center/gb200-nvl72/"),
    ("B300", 268.6, 8000, 2250, "B300", "https://www.nvidia.com/en-us/data-center/hgx/"),
)  # fmt: skip
_INSTINCT = "https://www.amd.com/en/products/accelerators/instinct"
_AMD: tuple[Row, ...] = (
    ("MI210", 64.0, 1638, 181, "AMD-Instinct-MI210", f"{_INSTINCT}/mi200/mi210.html"),
    # A module is two devices, each with half of its memory and speed.
    ("MI250X", 64.0, 1638, 191, "AMD-Instinct-MI250X", f"{_INSTINCT}/mi200/mi250x.html"),
    ("MI300X", 192.0, 5300, 1307, "AMD-Instinct-MI300X-OAM", f"{_INSTINCT}/mi300/mi300x.html"),
    ("MI325X", 256.0, 6000, 1307, "AMD-Instinct-MI325X-OAM", f"{_INSTINCT}/mi300/mi325x.html"),
    ("MI350X", 288.0, 8000, 2300, "AMD-Instinct-MI350X-OAM", f"{_INSTINCT}/mi350/mi350x.html"),
    ("MI355X", 288.0, 8000, 2500, "AMD-Instinct-MI355X-OAM", f"{_INSTINCT}/mi350/mi355x.html"),
)
_GAUDI = "https://www.intel.com/content/www/us/en/content-details/817486/intel-gaudi-3-ai-accelerator-white-paper.html"
_INTEL: tuple[Row, ...] = (
    ("Gaudi-2", 96.0, 2450, 432, "Intel-GAUDI", _GAUDI),
    ("Gaudi-3", 128.0, 3700, 1835, "Intel-GAUDI", _GAUDI),
)
_GOOGLE: tuple[Row, ...] = (
    ("TPU-v5e", 16.0, 819, 197, "TPU-V5LITEPOD", "https://docs.cloud.google.com/tpu/docs/v5e"),
    ("TPU-v5p", 95.0, 2765, 459, "TPU-V5P", "https://docs.cloud.google.com/tpu/docs/v5p"),
    ("TPU-v6e", 32.0, 1638, 918, "TPU-V6E", "https://docs.cloud.google.com/tpu/docs/v6e"),
)
_TABLES = {
    "NVIDIA": ("nvidia.com/gpu", _NVIDIA),
    "AMD": ("amd.com/gpu", _AMD),
    "Intel": ("habana.ai/gaudi", _INTEL),
    "Google": ("google.com/tpu", _GOOGLE),
}
_CPU = DeviceSpec(name=CPU, memory_gib=4.0, resource=CPU, bandwidth_gb_s=307, tflops=50)
"""The speeds are those of a socket with eight channels of DDR5-4800 and AMX."""

DEVICES: dict[str, DeviceSpec] = {CPU: _CPU} | {
    name: DeviceSpec(
        name=name, memory_gib=gib, resource=resource, ray_type=ray_type, bandwidth_gb_s=bandwidth, tflops=tflops
    )
    for resource, rows in _TABLES.values()
    for name, gib, bandwidth, tflops, ray_type, _ in rows
}
SOURCES: dict[str, str] = {row[0]: row[-1] for _, rows in _TABLES.values() for row in rows}
"""The maker's page by device."""

_MAKERS = ("nvidia", "amd", "intel", "google", "geforce", "tesla", "instinct")


def device_hint(written: str, names: Iterable[str] = DEVICES) -> str:
    """What to write instead of a name that is not known: the same device spelled otherwise, else all names.

    A device with another number is another device, however similar its name is: it is never suggested.
    """
    plain = _plain(written)
    same = [f"'{name}'" for name in names if _plain(name) == plain]
    if meant := same or [f"'{name}'" for name in names if _plain(name.split("-")[0]) == plain]:
        return f"did you mean {' or '.join(meant)}?"
    known = {maker: [row[0] for row in rows if row[0] in names] for maker, (_, rows) in _TABLES.items()}
    others = [name for name in names if name not in SOURCES]
    listed = [", ".join(others), *(f"{maker} {', '.join(rows)}" for maker, rows in known.items() if rows)]
    return f"use one of {'; '.join(filter(None, listed))}"


def _plain(name: str) -> str:
    """A device's name without its maker, in one spelling: `NVIDIA A100 80GB` is `a10080g`."""
    words = [word for word in re.split(r"[\s_-]+", name.lower()) if word not in _MAKERS]
    return re.sub(r"(\d+g)i?b$", r"\1", "".join(words))
