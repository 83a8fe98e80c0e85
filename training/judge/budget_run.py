"""How closely a budget is held over a stream of requests: the controller on recorded predictions."""

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
    """A stream that a budget was held over."""

    chosen: NDArray[np.intp]
    """The pool of each request."""
    error_pp: float
    """Distance of the mean spend from the target, from the first request to the last, in percentage points: of
    requests for a share; for a mean cost, of the way from the cheapest pool's mean cost to the dearest's."""
    worst_window_error_pp: float
    """The same over the worst 500 requests in a row, wherever they begin."""


def simulate_budget(
    quality: Floats,
    costs: Floats,
    is_large: Sequence[bool],
    budget: BudgetSpec,
    calibration: tuple[Floats, Floats] | None = None,
) -> BudgetRun:
    """Hold a budget over requests in the order of the rows.

    Args:
        quality: predicted quality, shape (requests, pools).
        costs: expected cost, same shape; it is taken for the realised one.
        is_large: of each pool, whether it belongs to the large tier.
        calibration: quality and costs of earlier requests that the controller may start from.
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
    """Distance of the mean from the target over the whole stream, and over its worst window."""
    width = min(WINDOW_REQUESTS, len(spent))
    sums = np.concatenate([[0.0], np.cumsum(spent)])
    windows = (sums[width:] - sums[:-width]) / width
    return abs(float(spent.mean()) - target), float(np.abs(windows - target).max())
