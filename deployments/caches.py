"""Where engines keep what they downloaded and compiled, so that the next start finds it: the spec's `cache_folder`."""

from __future__ import annotations

import socket
from pathlib import Path
from tempfile import TemporaryFile

from cluster.spec import FleetSpec

FOLDERS = {
    "VLLM_CACHE_ROOT": "vllm",  # graphs and kernels that torch.compile made, autotuning, plans of memory
    "TORCHINDUCTOR_CACHE_DIR": "inductor",  # what is compiled outside of vLLM's graphs; on CPU everything
    "TRITON_CACHE_DIR": "triton",
    "FLASHINFER_WORKSPACE_BASE": "flashinfer",
    "TORCH_EXTENSIONS_DIR": "torch_extensions",  # DeepSpeed's operations
    "HF_HUB_CACHE": "huggingface/hub",  # weights that were named by a hub id
}
"""Folders below `cache_folder` by the environment variable that libraries read when they are imported."""


class CacheUnusable(Exception):
    """The spec's `cache_folder` cannot be written; the message says where and what to do."""


def cache_folder(spec: FleetSpec) -> Path | None:
    """The spec's `cache_folder` on this node."""
    return Path(spec.cache_folder).expanduser() if spec.cache_folder else None


def cache_environment(spec: FleetSpec) -> dict[str, str]:
    """Environment variables of replicas and their ranks; none without a `cache_folder`."""
    folder = cache_folder(spec)
    return {name: str(folder / below) for name, below in FOLDERS.items()} if folder else {}


def require_cache(spec: FleetSpec) -> None:
    """Make the `cache_folder` and write to it.

    Raises:
        CacheUnusable: that is not possible here.
    """
    if (folder := cache_folder(spec)) is None:
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise CacheUnusable(
            f"cache_folder: {folder} cannot be written on {socket.gethostname()} ({error.strerror}): "
            "mount a volume there that replicas may write to, or leave cache_folder out"
        ) from error
