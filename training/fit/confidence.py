"""Fits confidence: logistic regression by Newton's method, on answers with known grades."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from router.confidence.judge import Logistic

PENALTY = 10.0
"""Strength of the L2 penalty on standardised weights, which stabilises the weights of correlated features. Chosen on
held-out demo tasks in seen wordings, where values from 1 to 30 hardly differ."""
STEPS = 50


def fit_logistic(
    rows: Sequence[Mapping[str, float]], good: Sequence[float], names: Sequence[str], penalty: float = PENALTY
) -> Logistic:
    """The coefficients that make P(good) most likely.

    Args:
        rows: features of each answer.
        good: grade of each answer, 0..1.
        names: features to use.
        penalty: strength of the L2 penalty; many features of few answers need more.

    Raises:
        ValueError: there are no rows, or all grades are equal, so that nothing can be learned.
    """
    target = np.asarray(good, dtype=np.float64)
    if not len(target) or target.min() == target.max():
        raise ValueError("all answers are good or all are bad: collect harder or easier tasks")
    raw = np.array([[row[name] for name in names] for row in rows], dtype=np.float64)
    mean, spread = raw.mean(axis=0), raw.std(axis=0)
    spread[spread < 1e-9] = 1.0
    inputs = np.column_stack([np.ones(len(raw)), (raw - mean) / spread])
    weights = np.zeros(inputs.shape[1])
    ridge = np.diag([0.0, *[penalty] * len(names)])
    for _ in range(STEPS):
        chance = 1 / (1 + np.exp(-np.clip(inputs @ weights, -30, 30)))
        slope = inputs.T @ (target - chance) - ridge @ weights
        curve = (inputs.T * (chance * (1 - chance) + 1e-9)) @ inputs + ridge
        step = np.linalg.solve(curve, slope)
        weights += step
        if np.abs(step).max() < 1e-8:
            break
    slopes = weights[1:] / spread
    return Logistic(dict(zip(names, slopes.tolist(), strict=True)), float(weights[0] - slopes @ mean))
