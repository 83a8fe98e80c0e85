"""Every routing method on the outcomes of one file."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from cluster.pool import TIERS
from cluster.routing import BudgetSpec
from router.types import CalibrationSample
from training.folds import Fold
from training.judge.baselines import length_score, litellm_score, prior_score, random_scores
from training.judge.budget_run import simulate_budget
from training.judge.forecasts import Forecasts
from training.judge.scores import Method, Predictor, Truth
from training.outcomes import Outcome

Array = NDArray[np.float64]

BUDGETS = (0.2, 0.4, 0.6)
"""Target mean costs, as fractions of the range from the cheapest to the most expensive tier's mean cost."""


@dataclass(frozen=True)
class Graded:
    """The rows of a file that have all of its tiers."""

    truth: Truth
    outcomes: Sequence[Outcome]
    columns: tuple[int, ...]
    """Index of each of the truth's tiers in `cluster.pool.TIERS`."""
    price: Array
    """Price of each of the truth's tiers: per token if tokens are known, else per request."""
    has_tokens: bool

    def expected_cost(self, output_tokens: Array) -> Array:
        """Cost by tier of the truth, from predicted tokens with columns in the order of TIERS."""
        return self.price * (output_tokens[:, self.columns] if self.has_tokens else 1.0) + np.zeros(
            (len(output_tokens), len(self.columns))
        )


def grade(outcomes: Sequence[Outcome], prices: Mapping[str, float]) -> tuple[Graded, NDArray[np.intp]]:
    """Costs and qualities by tier, and the rows that have them.

    A request costs its tier's price times its output tokens, or the price alone in a file without `output_tokens`.

    Raises:
        ValueError: no row has outcomes of at least two tiers.
    """
    tiers = [tier for tier in TIERS if any(tier in outcome.quality for outcome in outcomes)]
    rows = np.array([row for row, outcome in enumerate(outcomes) if all(tier in outcome.quality for tier in tiers)])
    if len(tiers) < 2 or not len(rows):
        raise ValueError("no row has outcomes of two tiers: grade the same queries on each tier")
    kept = [outcomes[row] for row in rows]
    has_tokens = all(tier in outcome.output_tokens for outcome in kept for tier in tiers)
    price = np.array([prices[tier] for tier in tiers])
    cost = price * np.array([[o.output_tokens[tier] if has_tokens else 1.0 for tier in tiers] for o in kept])
    quality = np.array([[outcome.quality[tier] for tier in tiers] for outcome in kept])
    order = np.argsort(cost.mean(axis=0), kind="stable")
    names = tuple(tiers[column] for column in order)
    columns = tuple(TIERS.index(name) for name in names)
    truth = Truth(names, quality[:, order], cost[:, order])
    return Graded(truth, kept, columns, price[order], has_tokens), rows


def signalbox_method(graded: Graded, forecasts: Forecasts, rows: NDArray[np.intp]) -> Predictor:
    """The learned model: quality and cost by tier. Its score is the most expensive tier's gain over the cheapest."""
    quality = forecasts.quality[rows][:, graded.columns]
    return Predictor(quality[:, -1] - quality[:, 0], quality, graded.expected_cost(forecasts.output_tokens[rows]))


def baseline_methods(graded: Graded, prior: Array, seed: int) -> dict[str, list[Method]]:
    """Chance, length, the group's mean, LiteLLM's rules if it is installed, and perfect choices."""
    truth, requests = graded.truth, [outcome.request for outcome in graded.outcomes]
    scores = {
        "random": random_scores(len(requests), seed),
        "length": [length_score([request.text for request in requests])],
        "prior": [prior],
        "litellm": [score for score in [litellm_score(requests)] if score is not None],
    }
    methods = {name: [Method(score) for score in drawn] for name, drawn in scores.items()}
    return methods | {"oracle": [Predictor(truth.gain, truth.quality, truth.cost)]}


def prior_scores(outcomes: Sequence[Outcome], folds: Sequence[Fold]) -> Array:
    """The dataset prior of every row, from the training rows of its fold."""
    groups = [outcome.group for outcome in outcomes]
    gain = np.array([_gain(outcome.quality) for outcome in outcomes])
    scores = np.zeros(len(outcomes))
    for fold in folds:
        seen = fold.train[np.isfinite(gain[fold.train])]
        scores[fold.test] = prior_score([groups[row] for row in fold.test], [groups[row] for row in seen], gain[seen])
    return scores


def budget_error_pp(graded: Graded, method: Predictor, calibration: CalibrationSample | None, seed: int) -> float:
    """Largest distance from a target mean cost, in percentage points of the range of costs.

    The maximum over several targets, over the whole stream in random order and over all windows of 500 requests.
    """
    order = np.random.default_rng(seed).permutation(len(method.score))
    quality, cost = method.quality[order], method.cost[order]
    known = None
    if calibration is not None:
        known = calibration.quality[:, graded.columns], graded.expected_cost(calibration.output_tokens)
    low, high = cost.mean(axis=0).min(), cost.mean(axis=0).max()
    is_large = [tier == "large" for tier in graded.truth.tiers]
    runs = [
        simulate_budget(quality, cost, is_large, BudgetSpec(mean_cost=float(low + part * (high - low))), known)
        for part in BUDGETS
    ]
    return max(max(run.error_pp, run.worst_window_error_pp) for run in runs)


def _gain(quality: Mapping[str, float]) -> float:
    """Quality that a row's highest tier adds to the lowest tier's; NaN with one tier."""
    known = [quality[tier] for tier in TIERS if tier in quality]
    return known[-1] - known[0] if len(known) > 1 else float("nan")
