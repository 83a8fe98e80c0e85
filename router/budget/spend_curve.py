"""The mean spend of a sample of requests as a function of lambda, and its inverse."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Offers:
    """The quality and cost of every pool for a number of requests."""

    quality: Floats
    """Predicted P(good), shape (requests, pools); -inf where a pool may not answer."""
    cost: Floats
    """Expected cost, same shape."""

    def chosen(self, cost_lambda: float) -> NDArray[np.intp]:
        """Return for each request the pool that maximises quality - lambda x cost; the cheaper one in a tie."""
        utility = self.quality - cost_lambda * self.cost
        ties = utility >= utility.max(axis=1, keepdims=True)
        pools: NDArray[np.intp] = np.where(ties, self.cost, np.inf).argmin(axis=1)
        return pools


STEP_OFFSET = 1e-9
"""Distance of lambda from a step, in quality at the mean cost: above rounding errors, below gains that matter."""
END_OFFSET = 10.0
"""Distance of lambda from the outermost steps if only the cheapest or the most expensive pools will do; same unit."""


@dataclass(frozen=True)
class SpendCurve:
    """Mean spend as a step function of lambda."""

    lambdas: Floats
    """Values at which a request changes to a more expensive pool, falling."""
    spends: Floats
    """Mean spend just below each lambda, never falling."""
    least: float
    """Mean spend if every request uses its cheapest pool."""
    unit: float
    """Lambda at which the cost of an average request equals a quality of 1."""
    ceiling: bool = False
    """Whether lambda stays at or above 0."""

    @property
    def most(self) -> float:
        """Mean spend below all steps."""
        return float(self.spends[-1]) if len(self.spends) else self.least

    def lambda_for(self, spend: float, *, prefer_more: bool) -> float:
        """Return the lambda at which the sample's mean spend is about `spend`.

        If many requests change at the same lambda, the spend jumps there. `prefer_more` chooses the side of that step.
        """
        if not len(self.lambdas):
            return 0.0
        if spend <= self.least:
            return float(self.lambdas[0]) + END_OFFSET * self.unit
        if spend >= self.most:
            return 0.0 if self.ceiling else float(self.lambdas[-1]) - END_OFFSET * self.unit
        step = float(self.lambdas[int(np.searchsorted(self.spends, spend))])
        return step + (-STEP_OFFSET if prefer_more else STEP_OFFSET) * self.unit


def spend_curve(offers: Offers, spend: Floats, *, ceiling: bool = False) -> SpendCurve:
    """Return the curve of a sample.

    Each request starts in its cheapest pool. As lambda falls, it climbs along the upper hull of its offers.

    Args:
        spend: what each choice adds to the spend of the curve, in the shape of the offers.
        ceiling: whether requests stop climbing when quality does. Otherwise the curve continues below lambda 0 and ends
            with every request in its most expensive pool.
    """
    rows = np.arange(len(offers.cost))
    allowed = np.where(np.isfinite(offers.quality), offers.cost, np.inf)
    cheapest = allowed <= allowed.min(axis=1, keepdims=True)
    current = np.where(cheapest, offers.quality, -np.inf).argmax(axis=1)
    least = float(spend[rows, current].mean())
    lambdas, steps = [], []
    for _ in range(offers.cost.shape[1]):
        rise = offers.quality - offers.quality[rows, current][:, None]
        run = offers.cost - offers.cost[rows, current][:, None]
        slope = np.divide(rise, run, out=np.full_like(rise, -np.inf), where=(run > 0) & np.isfinite(rise))
        target = slope.argmax(axis=1)
        steepest = slope[rows, target]
        climbs = (steepest > 0) if ceiling else np.isfinite(steepest)
        lambdas.append(steepest[climbs])
        steps.append((spend[rows, target] - spend[rows, current])[climbs])
        current = np.where(climbs, target, current)
    falling, step = np.concatenate(lambdas), np.concatenate(steps)
    order = np.argsort(-falling, kind="stable")
    climbed = least + np.cumsum(step[order]) / len(rows)
    unit = 1 / (float(offers.cost.mean()) or 1.0)
    return SpendCurve(falling[order], np.maximum.accumulate(climbed), least, unit, ceiling)
