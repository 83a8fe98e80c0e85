"""What a price of cost buys: the mean spend of a sample of requests as lambda falls, and the way back."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Offers:
    """What every pool would give a number of requests, and take for it."""

    quality: Floats
    """Predicted P(good), shape (requests, pools); -inf where a pool may not answer."""
    cost: Floats
    """Expected cost, same shape."""

    def chosen(self, cost_lambda: float) -> NDArray[np.intp]:
        """The pool of each request that maximises quality - lambda x cost; the cheaper one in a tie."""
        utility = self.quality - cost_lambda * self.cost
        ties = utility >= utility.max(axis=1, keepdims=True)
        pools: NDArray[np.intp] = np.where(ties, self.cost, np.inf).argmin(axis=1)
        return pools


BESIDE = 1e-9
"""How far beside a step lambda is set, in quality at the mean cost: above rounding, below gains that matter."""
BEYOND = 10.0
"""How far outside of all steps lambda stands where only the cheapest, or the dearest, will do; same unit."""


@dataclass(frozen=True)
class SpendCurve:
    """Mean spend as a step function of lambda."""

    lambdas: Floats
    """Where a request changes to a dearer pool, falling."""
    spends: Floats
    """Mean spend just below each of these, never falling."""
    least: float
    """Mean spend when cost is all that counts."""
    unit: float
    """Lambda at which an average request costs a quality of 1."""
    ceiling: bool = False
    """Whether lambda stays at or above 0."""

    @property
    def most(self) -> float:
        """Mean spend below all steps."""
        return float(self.spends[-1]) if len(self.spends) else self.least

    def lambda_for(self, spend: float, *, prefer_more: bool) -> float:
        """The lambda at which the sample's mean spend is about `spend`.

        Where many requests change at one and the same lambda no value between all of them and none exists:
        `prefer_more` says on which side of the step to stand.
        """
        if not len(self.lambdas):
            return 0.0
        if spend <= self.least:
            return float(self.lambdas[0]) + BEYOND * self.unit
        if spend >= self.most:
            return 0.0 if self.ceiling else float(self.lambdas[-1]) - BEYOND * self.unit
        step = float(self.lambdas[int(np.searchsorted(self.spends, spend))])
        return step + (-BESIDE if prefer_more else BESIDE) * self.unit


def spend_curve(offers: Offers, spend: Floats, *, ceiling: bool = False) -> SpendCurve:
    """The curve of a sample.

    Each request starts in its cheapest pool and climbs, as lambda falls, along the upper hull of its offers.

    Args:
        spend: what each choice adds to the spend that the curve is about, shape of the offers.
        ceiling: whether requests stop climbing where quality does; else the curve goes on below lambda 0, and ends with
            every request in its dearest pool.
    """
    rows = np.arange(len(offers.cost))
    allowed = np.where(np.isfinite(offers.quality), offers.cost, np.inf)
    cheapest = allowed <= allowed.min(axis=1, keepdims=True)
    here = np.where(cheapest, offers.quality, -np.inf).argmax(axis=1)
    least = float(spend[rows, here].mean())
    lambdas, steps = [], []
    for _ in range(offers.cost.shape[1]):
        rise = offers.quality - offers.quality[rows, here][:, None]
        run = offers.cost - offers.cost[rows, here][:, None]
        slope = np.divide(rise, run, out=np.full_like(rise, -np.inf), where=(run > 0) & np.isfinite(rise))
        there = slope.argmax(axis=1)
        found = slope[rows, there]
        climbs = (found > 0) if ceiling else np.isfinite(found)
        lambdas.append(found[climbs])
        steps.append((spend[rows, there] - spend[rows, here])[climbs])
        here = np.where(climbs, there, here)
    falling, step = np.concatenate(lambdas), np.concatenate(steps)
    order = np.argsort(-falling, kind="stable")
    climbed = least + np.cumsum(step[order]) / len(rows)
    unit = 1 / (float(offers.cost.mean()) or 1.0)
    return SpendCurve(falling[order], np.maximum.accumulate(climbed), least, unit, ceiling)
