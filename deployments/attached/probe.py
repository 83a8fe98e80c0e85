"""What a node of a running cluster has. Sent there by value, because Signalbox may not be installed on it."""

from __future__ import annotations

import hashlib
import importlib.util
from pathlib import Path
from typing import Any

ROOMS = ("cluster", "router", "autoscaling", "training", "deployments")
"""Packages that run on nodes."""
SUFFIXES = (".py", ".json", ".npz", ".html", ".css", ".js", ".svg")


def digest(root: Path) -> str:
    """A hash of the code below a folder that holds the ROOMS."""
    total = hashlib.sha256()
    for room in ROOMS:
        for path in sorted((root / room).rglob("*")):
            if path.suffix in SUFFIXES and "__pycache__" not in path.parts:
                total.update(f"{path.relative_to(root)}\0".encode() + path.read_bytes())
    return total.hexdigest()


def probe(modules: list[str], paths: list[str]) -> dict[str, object]:
    """Look at this node.

    Returns:
        `code`: the digest of the code that is installed here, "" without any. `missing`: those of `modules` that are
        not installed. `absent`: those of `paths` that do not exist. `memory_gib`: of each GPU, empty if NVML is silent.
    """
    found = importlib.util.find_spec("deployments")
    root = Path(found.origin).parent.parent if found and found.origin else None
    return {
        "code": digest(root) if root else "",
        "missing": [name for name in modules if importlib.util.find_spec(name) is None],
        "absent": [path for path in paths if not Path(path).exists()],
        "memory_gib": _gpu_memory_gib(),
    }


def _gpu_memory_gib() -> list[float]:
    from ray._private.thirdparty import pynvml

    nvml: Any = pynvml  # untyped
    try:
        nvml.nvmlInit()
        handles = [nvml.nvmlDeviceGetHandleByIndex(index) for index in range(nvml.nvmlDeviceGetCount())]
        return [nvml.nvmlDeviceGetMemoryInfo(handle).total / 2**30 for handle in handles]
    except nvml.NVMLError:
        return []
