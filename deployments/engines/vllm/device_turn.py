"""Engines that share a GPU start one after the other.

While it starts, vLLM takes every change of the GPU's free memory for its own: an engine that loads its weights at the
same time would cost the other one its KV cache, or fail it (`memory_profiling` in vLLM 0.32's utils/mem_utils.py).
"""

from __future__ import annotations

import asyncio
import fcntl
import os
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

VISIBLE = ("CUDA_VISIBLE_DEVICES", "HIP_VISIBLE_DEVICES")
"""Where Ray writes which device a replica may use."""


@asynccontextmanager
async def device_turn(gpu_fraction: float) -> AsyncIterator[None]:
    """Hold the GPU of this process for the time of a start, if it is shared. The lock ends with its process."""
    if gpu_fraction == 1:
        yield
        return
    with lock_path().open("a") as file:
        await asyncio.to_thread(fcntl.flock, file, fcntl.LOCK_EX)
        yield


def lock_path() -> Path:
    """The lock file of this process's GPU, the same for all replicas of a node."""
    device = next(filter(None, map(os.environ.get, VISIBLE)), "all").replace("/", "-")
    return Path(tempfile.gettempdir()) / f"signalbox-{os.getuid()}-gpu-{device}.lock"
