"""What this machine's CPU lacks: vLLM's build for AVX2 has no product with 4-bit weights and no fp8 KV cache."""

from __future__ import annotations

from pathlib import Path

import pytest


def has_avx512() -> bool:
    """Whether vLLM takes its AVX-512 build here; elsewhere than on Linux nothing is known, and it is assumed."""
    cpus = Path("/proc/cpuinfo")
    return not cpus.exists() or "avx512f" in cpus.read_text().split()


needs_avx512 = pytest.mark.skipif(not has_avx512(), reason="vLLM has this in its AVX-512 build only")
