"""Hold a budget: lambda follows the spend, so that the mean over any few hundred requests meets the target.

    aim    = target + credit / HORIZON          credit: what the target allowed so far, minus what was spent
    lambda = the value at which recent requests spend `aim` on average

The integral acts on the aim, not on lambda. A credit of one request therefore moves the spend by the same amount for
any distribution of predictions. The newest requests show that distribution.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, fields

import numpy as np

from cluster.routing import BudgetSpec
from router.budget.spend_curve import Floats, Offers, SpendCurve, spend_curve

HORIZON_REQUESTS = 15
"""Requests over which a credit is spent. A shorter horizon meets the target sooner but makes lambda vary more
(docs/routing.md)."""
SAMPLE_REQUESTS = 500
"""Newest requests that show the spend at each lambda. Calibration predictions fill in until that many have arrived."""
BOUND_REQUESTS = 100
"""Requests within which any credit can be made up. A larger credit is cut off, such as after hours with a pool down."""
REFRESH_EVERY = 10
"""Requests between two evaluations of the sample."""
RATIO_MEMORY = 0.99
"""Weight of earlier answers against the newest one in the ratio of realised to expected cost."""
RATIO_BOUNDS = (0.1, 10.0)
"""Lowest and highest ratio of realised to expected cost that the controller uses."""


@dataclass(frozen=True)
class Account:
    """What a number of requests spent, in requests of the large tier or in the prices' currency. Accounts add up."""

    requests: int = 0
    spent: float = 0.0
    credit: float = 0.0
    """What the target allowed minus what was spent, limited to what BOUND_REQUESTS could make up."""

    def __add__(self, other: Account) -> Account:
        return Account(*(getattr(self, part.name) + getattr(other, part.name) for part in fields(self)))


class BudgetController:
    """Sets lambda for one process. Processes share a budget by exchanging what they spent: `take`, then `adopt`."""

    def __init__(
        self, budget: BudgetSpec, is_large: Sequence[bool], start_lambda: float, sample: Offers | None = None
    ) -> None:
        """Create a controller that has spent nothing.

        Args:
            is_large: for each pool, whether it belongs to the large tier.
            start_lambda: lambda while there is neither a sample nor a request.
            sample: predictions for requests like the expected ones, pools in the order of `is_large`.
        """
        self.by_share = budget.large_share is not None
        self.target = float(budget.large_share if budget.large_share is not None else budget.mean_cost or 0.0)
        self._ceiling = budget.ceiling
        self._is_large = np.array(is_large, dtype=np.float64)
        self._start_lambda = start_lambda
        self._sample = _thinned(sample) if sample is not None else Offers(*np.empty((2, 0, len(is_large))))
        self._next = 0
        self._curve = self._read_sample()
        self._credit = 0.0
        self._unsent = Account()
        self._expected = self._realised = 0.0

    @property
    def cost_lambda(self) -> float:
        """Quality to give up per unit of cost, for the next request."""
        if self._curve is None:
            return self._start_lambda
        aim = (self.target + self._credit / HORIZON_REQUESTS) / self._ratio
        return self._curve.lambda_for(aim, prefer_more=self._credit >= 0)

    def charge(self, quality: Floats, cost: Floats, chosen: int) -> float:
        """Book a decision at its expected cost; returns what was booked, for `correct`.

        Args:
            quality: predicted quality by pool, -inf where a pool could not have been chosen.
            cost: expected cost by pool.
        """
        booked = self.spend(chosen, float(cost[chosen]) * self._ratio)
        self._book(1, self.target - booked, booked)
        self._remember(quality, cost)
        return booked

    def correct(self, booked: float, realised: float) -> None:
        """Replace the booked cost by the realised cost of an answer."""
        self._book(0, booked - realised, realised - booked)
        if not self.by_share and booked > 0:
            self._expected = RATIO_MEMORY * self._expected + booked / self._ratio
            self._realised = RATIO_MEMORY * self._realised + realised

    def spend(self, pool: int, cost: float) -> float:
        """Return what an answer of a pool adds to the budget's spend."""
        return float(self._is_large[pool]) if self.by_share else cost

    # -- sharing ---------------------------------------------------------------------------------------------

    def take(self) -> Account:
        """Return what was booked since the last call, for the shared account. `untake` gives it back."""
        taken, self._unsent = self._unsent, Account()
        return taken

    def untake(self, taken: Account) -> None:
        """Keep what could not be delivered for the next `take`."""
        self._unsent += taken

    def adopt(self, total: Account, sharers: int) -> None:
        """Continue from the shared account. Each of `sharers` processes makes up for its part of the common credit."""
        self._credit = total.credit / sharers + self._unsent.credit

    def go_on(self, before: BudgetController) -> None:
        """Continue the account of another controller of the same budget, whose pools had other prices."""
        self._credit = before._credit
        self.untake(before.take())

    # -- inside ----------------------------------------------------------------------------------------------

    @property
    def _ratio(self) -> float:
        """Realised cost divided by expected cost, over recent answers."""
        if not self._expected:
            return 1.0
        return min(max(self._realised / self._expected, RATIO_BOUNDS[0]), RATIO_BOUNDS[1])

    def _book(self, requests: int, credit: float, spent: float) -> None:
        """Add to the account, within bounds."""
        before = self._credit
        self._credit += credit
        if self._curve is not None:
            lowest = BOUND_REQUESTS * (self._curve.least * self._ratio - self.target)
            highest = BOUND_REQUESTS * (self._curve.most * self._ratio - self.target)
            self._credit = min(max(self._credit, min(lowest, 0.0)), max(highest, 0.0))
        self._unsent += Account(requests, spent, self._credit - before)

    def _remember(self, quality: Floats, cost: Floats) -> None:
        """Replace the oldest request in the sample by this one."""
        sample = self._sample
        if len(sample.cost) < SAMPLE_REQUESTS:
            self._sample = Offers(np.vstack([sample.quality, quality]), np.vstack([sample.cost, cost]))
        else:
            sample.quality[self._next % SAMPLE_REQUESTS] = quality
            sample.cost[self._next % SAMPLE_REQUESTS] = cost
        self._next += 1
        if self._next % REFRESH_EVERY == 0 or len(sample.cost) < REFRESH_EVERY:
            self._curve = self._read_sample()

    def _read_sample(self) -> SpendCurve | None:
        cost = self._sample.cost
        if not len(cost):
            return None
        spend = np.broadcast_to(self._is_large, cost.shape) if self.by_share else cost
        return spend_curve(self._sample, spend, ceiling=self._ceiling)


def _thinned(sample: Offers) -> Offers:
    """Return at most SAMPLE_REQUESTS rows, spread evenly over the sample."""
    rows = np.linspace(0, len(sample.cost) - 1, min(SAMPLE_REQUESTS, len(sample.cost))).astype(int)
    return Offers(sample.quality[rows].astype(np.float64), sample.cost[rows].astype(np.float64))
