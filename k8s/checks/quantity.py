"""Converts Kubernetes' quantities, such as `8`, `500m` and `16Gi`, to numbers."""

from __future__ import annotations

import re
from typing import Any

UNITS = {
    "m": 1e-3, "": 1.0, "k": 1e3, "M": 1e6, "G": 1e9, "T": 1e12, "P": 1e15,
    "Ki": 2.0**10, "Mi": 2.0**20, "Gi": 2.0**30, "Ti": 2.0**40, "Pi": 2.0**50,
}  # fmt: skip


def quantity(value: Any) -> float | None:
    """The number; None if the value is not a quantity."""
    match = re.fullmatch(r"(\d+(?:\.\d+)?)([kmMGTP]|[KMGTP]i)?", str(value))
    return float(match.group(1)) * UNITS[match.group(2) or ""] if match else None
