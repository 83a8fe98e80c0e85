"""Pauses before a replica starts, after starts of its pool that failed.

Serve starts the next replica at once and without end. A remote that is down for an hour, or a model that does not load,
would otherwise keep a processor busy with starts.
"""

from __future__ import annotations

import asyncio
import json
import time

from ray.experimental.internal_kv import _internal_kv_del, _internal_kv_get, _internal_kv_put

NAMESPACE = b"signalbox"
FIRST_S = 5.0
LONGEST_S = 60.0
FORGET_AFTER_S = 600.0
"""The store may outlive a cluster, and with it what was wrong."""


def pause_s(failures: int) -> float:
    """Seconds to wait after so many failed starts in a row: doubling, at most LONGEST_S."""
    return min(LONGEST_S, FIRST_S * 2.0 ** min(failures - 1, 10)) if failures else 0.0


class StartPauses:
    """Counts the failed starts of a pool in the cluster's key-value store, where the next replica finds them."""

    def __init__(self, fleet: str, pool: str) -> None:
        self._key = f"failed-starts/{fleet}/{pool}".encode()

    async def wait(self) -> None:
        """Wait before a start."""
        await asyncio.sleep(pause_s(self._failures()))

    def failed(self) -> None:
        """Count a failed start."""
        record = json.dumps([self._failures() + 1, time.time()]).encode()
        _internal_kv_put(self._key, record, overwrite=True, namespace=NAMESPACE)

    def succeeded(self) -> None:
        """Forget earlier failures."""
        _internal_kv_del(self._key, namespace=NAMESPACE)

    def _failures(self) -> int:
        failures, at_s = json.loads(_internal_kv_get(self._key, namespace=NAMESPACE) or b"[0, 0]")
        return int(failures) if time.time() - at_s < FORGET_AFTER_S else 0
