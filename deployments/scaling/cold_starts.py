"""Measures how long replicas take from being requested to serving, from outside."""

from __future__ import annotations

from collections import defaultdict, deque


class ColdStarts:
    """Pairs each requested replica with the next one that serves."""

    def __init__(self) -> None:
        self._requested_s: dict[str, deque[float]] = defaultdict(deque)
        self._ready: dict[str, int] = {}
        self._newest_s: dict[str, float] = {}

    def see(self, pool: str, ready: int, desired: int, now_s: float) -> None:
        """Note how many replicas of a pool serve, and how many are desired from now on."""
        requested = self._requested_s[pool]
        for _ in range(ready - self._ready.get(pool, ready)):
            if requested:
                self._newest_s[pool] = now_s - requested.popleft()
        self._ready[pool] = ready
        missing = max(0, desired - ready)
        while len(requested) > missing:  # no longer desired
            requested.pop()
        while len(requested) < missing:
            requested.append(now_s)

    def newest_s(self, pool: str) -> float:
        """The newest measurement in seconds; 0 without one."""
        return self._newest_s.get(pool, 0.0)
