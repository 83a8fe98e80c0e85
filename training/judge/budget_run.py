"""How closely a budget is met over a stream of requests: the controller on recorded predictions."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cluster.routing import BudgetSpec
from router.budget.controller import BudgetController
from router.budget.spend_curve import Floats, Offers

WINDOW_REQUESTS = 500


@dataclass(frozen=True)
class BudgetRun:
    """A stream of requests under a budget."""

    chosen: NDArray[np.intp]
    """The pool of each request."""
    error_pp: float
    """Distance of the mean spend from the target over the whole stream, in percentage points: of requests if the budget
    is a share, of the range between the cheapest and the most expensive pool's mean cost if it is a mean cost."""
    worst_window_error_pp: float
    """The same over the worst 500 consecutive requests."""


def simulate_budget(
    quality: Floats,
    costs: Floats,
    is_large: Sequence[bool],
    budget: BudgetSpec,
    calibration: tuple[Floats, Floats] | None = None,
) -> BudgetRun:
    """Apply a budget to requests in the order of the rows.

    Args:
        quality: predicted quality, shape (requests, pools).
        costs: expected cost, same shape; also used as the realised cost.
        is_large: whether each pool belongs to the large tier.
        calibration: quality and costs of earlier requests, from which the controller starts.
    """
    sample = Offers(*calibration) if calibration is not None else None
    usual_lambda = 0.1 / float(costs.mean(axis=0).max())
    controller = BudgetController(budget, is_large, usual_lambda, sample)
    offers = Offers(np.asarray(quality, np.float64), np.asarray(costs, np.float64))
    chosen = np.zeros(len(offers.cost), dtype=np.intp)
    spent = np.zeros(len(offers.cost))
    for row, (q, c) in enumerate(zip(offers.quality, offers.cost, strict=True)):
        chosen[row] = int((q - controller.cost_lambda * c).argmax())
        spent[row] = controller.charge(q, c, int(chosen[row]))
    means = offers.cost.mean(axis=0)
    point = 1.0 if controller.by_share else float(means.max() - means.min()) or 1.0
    return BudgetRun(chosen, *(100 * error / point for error in _errors(spent, controller.target)))


def _errors(spent: Floats, target: float) -> tuple[float, float]:
    """Distance of the mean from the target over the whole stream and over its worst window."""
    width = min(WINDOW_REQUESTS, len(spent))
    sums = np.concatenate([[0.0], np.cumsum(spent)])
    windows = (sums[width:] - sums[:-width]) / width
    return abs(float(spent.mean()) - target), float(np.abs(windows - target).max())
