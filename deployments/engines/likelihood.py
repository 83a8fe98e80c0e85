"""How clearly an engine preferred the token that it chose."""

from __future__ import annotations

import math
from collections.abc import Iterable

CERTAIN = 30.0
"""Margin where no other token has any probability left."""
LOGPROBS = 2
"""Entries that an engine reports at each position so that the best other token is among them."""


def margin(chosen: float, others: Iterable[float]) -> float:
    """Log-probability of the chosen token minus that of the best other one, at most CERTAIN.

    Where the others are not known, the best one is taken to have all that the chosen one left: no margin is overrated.
    """
    best = max(others, default=None)
    if best is None:
        left = -math.expm1(min(chosen, 0.0))
        best = math.log(left) if left > 0 else -math.inf
    return min(chosen - best, CERTAIN)
