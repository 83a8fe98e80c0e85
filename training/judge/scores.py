"""Metrics of routing methods on queries whose outcome in every tier is known."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from training.judge.frontier import aiq, gain_share, hull
from training.metrics import apgr, cpt, ece
from training.policies import Choices, lambda_policies, mix_policies, threshold_policies

Array = NDArray[np.float64]

RESAMPLES = 200
CONFIDENCE = (2.5, 97.5)
"""Percentiles of the bootstrap: a 95% interval."""


@dataclass(frozen=True)
class Truth:
    """The outcome of every tier on every query; columns are tiers by rising mean cost."""

    tiers: tuple[str, ...]
    quality: Array
    """0..1, shape (queries, tiers)."""
    cost: Array
    """Same shape, in the prices' unit."""

    @property
    def gain(self) -> Array:
        """Quality that the most expensive tier adds to the cheapest tier's, by query."""
        return self.quality[:, -1] - self.quality[:, 0]

    def single_tiers(self) -> tuple[Array, Array]:
        """Mean cost and quality of sending everything to one tier, by tier."""
        return self.cost.mean(axis=0), self.quality.mean(axis=0)


@dataclass(frozen=True)
class Method:
    """A method's scores of the queries."""

    score: Array
    """Order of the queries: the highest scores go to the most expensive tier first."""


@dataclass(frozen=True)
class Predictor(Method):
    """A method that predicts each tier's quality and cost."""

    quality: Array
    """P(good), shape (queries, tiers)."""
    cost: Array
    """Same shape."""


@dataclass(frozen=True)
class Scores:
    """A method's metrics. None: the metric is undefined for the method or the data."""

    apgr: float | None
    cpt50: float | None
    cpt80: float | None
    gain_share: float | None
    aiq: float | None
    ece: float | None
    apgr_ci: tuple[float, float] | None
    """95% bootstrap interval over queries."""
    gain_share_ci: tuple[float, float] | None


class Judge:
    """Measures methods on one set of queries, all on the same bootstrap samples.

    Args:
        seed: random seed of the samples.
        resamples: number of samples; 0 for no intervals.
    """

    def __init__(self, truth: Truth, seed: int = 0, resamples: int = RESAMPLES) -> None:
        self.truth = truth
        queries = len(truth.quality)
        drawn = np.random.default_rng(seed).multinomial(queries, np.full(queries, 1 / queries), resamples)
        self._counts: Array = (np.concatenate((np.ones((1, queries)), drawn)) / queries).astype(np.float64)
        single_cost: Array = self._counts @ truth.cost
        self._range = single_cost.min(axis=1), single_cost.max(axis=1)
        single_quality: Array = self._counts @ truth.quality
        self._static = self._heights(single_cost, single_quality)
        self._oracle = self._heights(*self._means(lambda_policies(truth.quality, truth.cost)))

    def curve(self, method: Method) -> tuple[Array, Array]:
        """Mean cost and mean quality of a method's policies."""
        cost, quality = self._means(self._policies(method))
        return cost[0], quality[0]

    def samples(self, methods: Sequence[Method]) -> dict[str, Array]:
        """Metrics of a method, averaged over its draws: first on all queries, then on every bootstrap sample; NaN if
        undefined."""
        drawn = [self._samples(method) for method in methods]
        return {name: np.mean([one[name] for one in drawn], axis=0) for name in drawn[0]}

    def scores(self, methods: Sequence[Method]) -> Scores:
        """A method's metrics, averaged over the draws of a random method."""
        samples = self.samples(methods)
        values = {name: _value(sample[0]) for name, sample in samples.items()}
        return Scores(
            **values,
            ece=self._ece(methods[0]),
            apgr_ci=interval(samples["apgr"]),
            gain_share_ci=interval(samples["gain_share"]),
        )

    def _samples(self, method: Method) -> dict[str, Array]:
        last = self.truth.quality.shape[1] - 1
        two_tiers = threshold_policies(method.score, 0, last)
        curves = list(zip(self._counts @ (two_tiers == last).T, self._means(two_tiers)[1], strict=True))
        heights = self._heights(*self._means(self._policies(method)))
        shares = [gain_share(*each) for each in zip(heights, self._static, self._oracle, strict=True)]
        return {
            "apgr": _numbers(apgr(*curve) for curve in curves),
            "cpt50": _numbers(cpt(*curve, 0.5) for curve in curves),
            "cpt80": _numbers(cpt(*curve, 0.8) for curve in curves),
            "gain_share": _numbers(shares),
            "aiq": heights,
        }

    def _heights(self, cost: Array, quality: Array) -> Array:
        """AIQ on every sample, over the costs from its cheapest to its most expensive single tier; NaN if all tiers
        cost the same."""
        return _numbers(
            aiq(*each) if each[2] < each[3] else None for each in zip(cost, quality, *self._range, strict=True)
        )

    def _policies(self, method: Method) -> Choices:
        if isinstance(method, Predictor):
            return lambda_policies(method.quality, method.cost)
        return mix_policies(method.score, hull(*self.truth.single_tiers()))

    def _means(self, choices: Choices) -> tuple[Array, Array]:
        """Mean cost and quality, shape (samples, policies)."""
        rows = np.arange(len(self.truth.quality))
        return self._counts @ self.truth.cost[rows, choices].T, self._counts @ self.truth.quality[rows, choices].T

    def _ece(self, method: Method) -> float | None:
        """Mean over tiers."""
        if not isinstance(method, Predictor):
            return None
        pairs = zip(method.quality.T, self.truth.quality.T, strict=True)
        return float(np.mean([ece(predicted, actual) for predicted, actual in pairs]))


def interval(samples: Array) -> tuple[float, float] | None:
    """95% interval of a bootstrapped metric whose first value is the metric itself.

    This is the basic bootstrap (Davison and Hinkley 1997). It mirrors distances from the metric, which removes the bias
    of resampling. The bias matters here, because a hull's area grows with noise.
    """
    drawn = samples[1:][np.isfinite(samples[1:])]
    if not len(drawn):
        return None
    high, low = 2 * samples[0] - np.percentile(drawn, CONFIDENCE)
    return float(low), float(high)


def _numbers(values: Iterable[float | None]) -> Array:
    """The values with NaN instead of None, for means and percentiles over samples."""
    return np.array([np.nan if value is None else value for value in values])


def _value(sample: float) -> float | None:
    return float(sample) if np.isfinite(sample) else None
