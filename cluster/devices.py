"""Catalogue of device types: the name Ray knows them by, and memory as the driver reports it, not as the name says."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Device:
    """One accelerator type (or `cpu`, whose unit is one rank)."""

    memory_gib: float
    """Memory of one device in GiB."""
    accelerator_type: str | None
    """Ray's `accelerator_type` for it; None where no GPU is requested."""


DEVICES: dict[str, Device] = {
    "cpu": Device(memory_gib=4.0, accelerator_type=None),
    "RTX-4090": Device(memory_gib=24.0, accelerator_type="GeForce-RTX-4090"),
    "L4": Device(memory_gib=22.5, accelerator_type="L4"),
    "A10G": Device(memory_gib=22.5, accelerator_type="A10G"),
    "A100-40G": Device(memory_gib=40.0, accelerator_type="A100-40G"),
    "A100-80G": Device(memory_gib=80.0, accelerator_type="A100-80G"),
    "H100": Device(memory_gib=79.6, accelerator_type="H100"),
    "H200": Device(memory_gib=140.4, accelerator_type="H200"),
    "MI300X": Device(memory_gib=192.0, accelerator_type="AMD-Instinct-MI300X-OAM"),
}
