"""When a need becomes a move: up once it has stood for a moment, down once less has been enough for a long time."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field

GAP_S = 30.0
"""After such a silence nothing is known to have stood or been enough."""
STEP_SHARE = 0.1
"""Part of a pool that is removed at once, at least one replica: the load is to settle on the rest first."""
SETTLE_S = 15.0
"""Time between two removals."""


@dataclass
class Pacing:
    """What one pool needed lately, and when it last shrank."""

    _needs: deque[tuple[float, int]] = field(default_factory=deque)
    _shrank_s: float | None = None

    def pace(self, needed: int, target: int, now_s: float, up_s: float, down_s: float) -> int:
        """Replicas to have now; is to be asked at each look.

        Args:
            needed: what the pool needs at this look.
            target: what it has.
            up_s: how long at least so much must have been needed before the pool grows.
            down_s: how long at most so much must have been needed before it shrinks.
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
        """What was needed from then on; nothing where memory does not reach back so far."""
        if self._needs[0][0] > since_s:
            return []
        # The last need before that moment still stood at it.
        first = max(n for n, (at_s, _) in enumerate(self._needs) if at_s <= since_s)
        return [needed for _, needed in list(self._needs)[first:]]
