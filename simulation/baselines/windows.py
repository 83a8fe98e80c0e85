"""Time windows and periods for rules. All times are Unix seconds from the caller."""

from __future__ import annotations

from collections import deque


class Every:
    """A timer that is due at the first call and then once per period."""

    def __init__(self, period_s: float) -> None:
        self._period_s = period_s
        self._last_s: float | None = None

    def due(self, now_s: float) -> bool:
        """Whether a period has passed since it was last due. If so, the next period starts."""
        if self._last_s is not None and 0 <= now_s - self._last_s < self._period_s - 1e-6:
            return False
        self._last_s = now_s
        return True


class Window:
    """Values of the last `span_s` seconds, both ends included. The last value stays, whatever its age."""

    def __init__(self, span_s: float) -> None:
        self._span_s = span_s
        self._values: deque[tuple[float, float]] = deque()

    def add(self, now_s: float, value: float) -> None:
        """Append a value and drop those older than the span."""
        self._values.append((now_s, value))
        while len(self._values) > 1 and now_s - self._values[0][0] > self._span_s + 1e-6:
            self._values.popleft()

    def values(self) -> list[float]:
        """The values, oldest first."""
        return [value for _, value in self._values]

    def timed(self) -> list[tuple[float, float]]:
        """(time, value) pairs, oldest first."""
        return list(self._values)

    def mean(self) -> float:
        """Mean of the values; 0 without values."""
        return sum(self.values()) / len(self._values) if self._values else 0.0

    def max(self) -> float:
        """Largest value; 0 without values."""
        return max(self.values(), default=0.0)
