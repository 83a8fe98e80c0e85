"""Memory that this process and all it started take."""

from __future__ import annotations

import psutil


def memory_gib() -> float:
    """Proportional set size in GiB."""
    total = 0
    for process in (psutil.Process(), *psutil.Process().children(recursive=True)):
        try:
            full = process.memory_full_info()
            total += getattr(full, "pss", full.rss)
        except psutil.Error:
            continue
    return total / 2**30
