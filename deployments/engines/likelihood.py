"""The margin by which an engine preferred the chosen token."""

from __future__ import annotations

import math
from collections.abc import Iterable

CERTAIN = 30.0
"""Margin if all other tokens have probability 0."""
LOGPROBS = 2
"""Log-probabilities per position that an engine must report to include the best other token."""


def margin(chosen: float, others: Iterable[float]) -> float:
    """Log-probability of the chosen token minus that of the best other one, at most CERTAIN.

    If the others are unknown, the best one is assumed to have all remaining probability, so no margin is overestimated.
    """
    best = max(others, default=None)
    if best is None:
        remaining = -math.expm1(min(chosen, 0.0))
        best = math.log(remaining) if remaining > 0 else -math.inf
    return min(chosen - best, CERTAIN)
