"""When a need changes the replicas: up once it has lasted for a moment, down once less has been enough for long."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

GAP_S = 30.0
"""After a silence of this length, earlier needs no longer count."""
STEP_SHARE = 0.1
"""Share of a pool that is removed at once, at least one replica: the load should settle on the rest first."""
SETTLE_S = 15.0
"""Time between two removals."""


@dataclass
class Pacing:
    """Recent needs of one pool, and its last scale-down."""

    _needs: deque[tuple[float, int]] = field(default_factory=deque)
    _shrank_s: float | None = None

    def pace(self, needed: int, target: int, now_s: float, up_s: float, down_s: float) -> int:
        """Replicas to have now; call it at every look.

        Args:
            needed: what the pool needs at this look.
            target: what it has.
            up_s: how long at least this much must have been needed before a scale-up.
            down_s: how long at most this much must have been needed before a scale-down.
        """
        if self._needs and now_s - self._needs[-1][0] > GAP_S:
            self._needs.clear()
        self._needs.append((now_s, needed))
        while len(self._needs) > 1 and self._needs[1][0] <= now_s - max(up_s, down_s):
            self._needs.popleft()
        if needed > target:
            return max(target, min(self._since(now_s - up_s), default=target))
        least = max(self._since(now_s - down_s), default=target)
        if least >= target or (self._shrank_s is not None and now_s - self._shrank_s < SETTLE_S):
            return target
        self._shrank_s = now_s
        return max(least, target - max(1, int(STEP_SHARE * target)))

    def _since(self, since_s: float) -> list[int]:
        """Needs from that moment on; none if the history is shorter."""
        if self._needs[0][0] > since_s:
            return []
        # The last need before that moment was still valid at it.
        first = max(n for n, (at_s, _) in enumerate(self._needs) if at_s <= since_s)
        return [needed for _, needed in list(self._needs)[first:]]
