"""Demand for one pool: means over the last seconds, as the gateway counts them on the cluster and in the simulation."""

from __future__ import annotations

import math
from collections import deque
from typing import NamedTuple

WINDOW_S = 30.0
"""Length of the gateway's window."""


class Means(NamedTuple):
    """What a window holds; 0 where nothing came."""

    arrivals_per_s: float
    prompt_tokens: float
    """Of a request."""
    answer_tokens: float
    """Of an answer."""
    answers_per_s: float
    late_ratio: float
    """Share of the answers that were late."""
    taken_per_s: float
    """Requests that were sent to the pool, whichever pool's demand they were."""


class DemandWindow:
    """One pool's requests and answers of the last WINDOW_S, in buckets of a second."""

    def __init__(self, began_s: float) -> None:
        self._began_s = began_s
        # Second, and in it: requests, prompt tokens, answers, answer tokens, late answers, requests taken.
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
        """Count a complete answer, and whether it was late."""
        bucket = self._bucket(now_s)
        bucket[2] += 1
        bucket[3] += answer_tokens
        bucket[4] += late

    def means(self, now_s: float) -> Means:
        """What is in the window."""
        while self._buckets and self._buckets[0][0] < now_s - WINDOW_S:
            self._buckets.popleft()
        sums = (sum(bucket[place] for _, bucket in self._buckets) for place in range(6))
        requests, prompts, answers, tokens, late, taken = sums
        span_s = max(1.0, min(WINDOW_S, now_s - self._began_s))
        return Means(
            requests / span_s,
            prompts / max(requests, 1),
            tokens / max(answers, 1),
            answers / span_s,
            late / max(answers, 1),
            taken / span_s,
        )

    def _bucket(self, now_s: float) -> list[int]:
        second = math.floor(now_s)
        if not self._buckets or self._buckets[-1][0] != second:
            self._buckets.append((second, [0, 0, 0, 0, 0, 0]))
        return self._buckets[-1][1]
