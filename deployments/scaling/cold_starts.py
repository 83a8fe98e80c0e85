"""How long replicas take from being asked for to serving, measured from the outside."""

from __future__ import annotations

from collections import defaultdict, deque


class ColdStarts:
    """Pairs each replica that was asked for with the next one that serves."""

    def __init__(self) -> None:
        self._asked_s: dict[str, deque[float]] = defaultdict(deque)
        self._ready: dict[str, int] = {}
        self._newest_s: dict[str, float] = {}

    def see(self, pool: str, ready: int, desired: int, now_s: float) -> None:
        """One look at a pool: how many serve, and how many are wanted from now on."""
        asked = self._asked_s[pool]
        for _ in range(ready - self._ready.get(pool, ready)):
            if asked:
                self._newest_s[pool] = now_s - asked.popleft()
        self._ready[pool] = ready
        missing = max(0, desired - ready)
        while len(asked) > missing:  # no longer wanted
            asked.pop()
        while len(asked) < missing:
            asked.append(now_s)

    def newest_s(self, pool: str) -> float:
        """The newest measurement; 0 where there is none."""
        return self._newest_s.get(pool, 0.0)
