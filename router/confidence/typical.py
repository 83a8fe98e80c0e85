"""What is typical for a pool's answers, so that an unusual one is noticed without any label."""

from __future__ import annotations

import math

MEMORY = 500
"""Answers that count about equally; older ones fade, because models and traffic change."""
LEAST_ANSWERS = 30
"""With fewer answers, nothing is unusual."""
LEAST_SPREAD = 0.02
"""Smallest standard deviation of mean log-probabilities; a pool that always says the same is never unusual by noise."""


class Typical:
    """Mean and standard deviation of a number per answer, of the newest answers."""

    def __init__(self) -> None:
        self.answers = 0
        self._mean = 0.0
        self._variance = 0.0

    def see(self, value: float) -> None:
        """Count one answer."""
        self.answers += 1
        share = 1 / min(self.answers, MEMORY)
        step = value - self._mean
        self._mean += share * step
        self._variance = (1 - share) * (self._variance + share * step * step)

    def unusual(self, value: float) -> float | None:
        """Return how far a value is above the mean, in standard deviations; None before LEAST_ANSWERS answers."""
        if self.answers < LEAST_ANSWERS:
            return None
        return (value - self._mean) / max(math.sqrt(self._variance), LEAST_SPREAD)
