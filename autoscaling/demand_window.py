"""Demand for one pool as means over the last seconds; gateways and the simulation count it in the same way."""

from __future__ import annotations

import math
from collections import deque

from autoscaling.types import PoolDemand

WINDOW_S = 30.0
"""Length of the gateway's window."""


class DemandWindow:
    """One pool's requests and answers of the last WINDOW_S, in buckets of a second."""

    def __init__(self, began_s: float) -> None:
        self._began_s = began_s
        # Second, and in it: requests, prompt tokens, answers, answer tokens, SLO misses, requests taken.
        self._buckets: deque[tuple[int, list[int]]] = deque()

    def arrived(self, now_s: float, prompt_tokens: int) -> None:
        """Count a request that is demand of the pool."""
        bucket = self._bucket(now_s)
        bucket[0] += 1
        bucket[1] += prompt_tokens

    def taken(self, now_s: float) -> None:
        """Count a request that was sent to the pool."""
        self._bucket(now_s)[5] += 1

    def answered(self, now_s: float, answer_tokens: int, *, late: bool) -> None:
        """Count a complete answer, and whether it missed the SLO."""
        bucket = self._bucket(now_s)
        bucket[2] += 1
        bucket[3] += answer_tokens
        bucket[4] += late

    def means(self, now_s: float, held: int = 0) -> PoolDemand:
        """Demand over the window.

        Args:
            held: requests that wait for the pool's first replica now.
        """
        while self._buckets and self._buckets[0][0] < now_s - WINDOW_S:
            self._buckets.popleft()
        sums = (sum(bucket[place] for _, bucket in self._buckets) for place in range(6))
        requests, prompts, answers, tokens, late, taken = sums
        span_s = max(1.0, min(WINDOW_S, now_s - self._began_s))
        return PoolDemand(
            arrivals_per_s=requests / span_s,
            prompt_tokens=prompts / max(requests, 1),
            answer_tokens=tokens / max(answers, 1),
            answers_per_s=answers / span_s,
            late_ratio=late / max(answers, 1),
            taken_per_s=taken / span_s,
            held=held,
        )

    def _bucket(self, now_s: float) -> list[int]:
        second = math.floor(now_s)
        if not self._buckets or self._buckets[-1][0] != second:
            self._buckets.append((second, [0, 0, 0, 0, 0, 0]))
        return self._buckets[-1][1]
