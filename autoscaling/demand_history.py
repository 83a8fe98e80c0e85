"""Demand of a pool over the last half hour: its level, its surges and its trend."""

from __future__ import annotations

import math
import statistics
from collections import deque
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import accumulate, combinations
from statistics import NormalDist

from autoscaling.types import PoolDemand

BUCKET_S = 5.0
"""Looks come at any interval; the history keeps their means over spans of this length."""
REMEMBER_S = 1800.0
"""Length of the history."""
GAP_S = 60.0
"""After a silence of this length the history starts again."""
SURGE_S = 20.0
"""Surges are means over this time, about the length of an answer: batches average out shorter peaks."""
USUAL_NOISE = 0.2
"""Assumed standard deviation of a load around its level, in units of the level, before the load's own is known. It is
that of the Azure 2023 conversation trace from minute to minute."""
USUAL_COUNTS = 60
"""Weight of this assumption in buckets of history: five minutes."""
NEW_PEAKS = 0.5
"""Share of the usual noise by which a surge may exceed the highest peak, however long the history is: a load that grows
for an hour sets new peaks all the time."""
TREND_POINTS = 12
"""Means that a trend is read from."""
CONCORDANT = 0.75
"""Share of pairs of these means with the later one higher, from which a rise counts as a trend."""


@dataclass(frozen=True)
class Demand:
    """Requests that a pool should serve."""

    requests_per_s: float = 0.0
    prompt_tokens: float = 0.0
    """Mean prompt."""
    answer_tokens: float = 0.0
    """Mean answer; 0 if no answer was ever reported."""

    @property
    def tokens_per_s(self) -> float:
        """Tokens to generate each second."""
        return self.requests_per_s * self.answer_tokens

    def at(self, requests_per_s: float) -> Demand:
        """More or fewer of the same requests."""
        return replace(self, requests_per_s=requests_per_s)


@dataclass
class _Bucket:
    """Sums over the looks in one span of time; lengths are weighted by the requests that they describe."""

    index: int
    looks: int = 0
    rate: float = 0.0
    rate_with_lengths: float = 0.0
    prompt: float = 0.0
    answer: float = 0.0

    def add(self, measured: PoolDemand) -> None:
        rate = measured.arrivals_per_s
        self.looks += 1
        self.rate += rate
        if measured.answer_tokens > 0:
            self.rate_with_lengths += rate
            self.prompt += rate * measured.prompt_tokens
            self.answer += rate * measured.answer_tokens


@dataclass
class DemandHistory:
    """What the gateways measured over the last half hour."""

    _buckets: deque[_Bucket] = field(default_factory=deque)
    _lengths: tuple[float, float] = (0.0, 0.0)
    _ratio: tuple[object, float] = (None, 1.0)

    def add(self, measured: PoolDemand, now_s: float) -> None:
        """Add one measurement."""
        index = int(now_s // BUCKET_S)
        if self._buckets and (index - self._buckets[-1].index) * BUCKET_S > GAP_S:
            self._buckets.clear()
        if not self._buckets or self._buckets[-1].index != index:
            self._buckets.append(_Bucket(index))
        self._buckets[-1].add(measured)
        while self._buckets[0].index <= index - REMEMBER_S / BUCKET_S:
            self._buckets.popleft()
        if measured.answer_tokens > 0:
            self._lengths = (measured.prompt_tokens, measured.answer_tokens)

    def level(self, window_s: float) -> Demand:
        """Mean over the last `window_s` seconds. Without new answers the last known lengths remain."""
        recent = self._newest(window_s)
        rate = sum(bucket.rate for bucket in recent) / sum(bucket.looks for bucket in recent)
        with_lengths = sum(bucket.rate_with_lengths for bucket in recent)
        if with_lengths <= 0:
            return Demand(rate, *self._lengths)
        return Demand(
            rate,
            sum(bucket.prompt for bucket in recent) / with_lengths,
            sum(bucket.answer for bucket in recent) / with_lengths,
        )

    def surge_per_s(self, window_s: float, ahead_s: float, certainty: float) -> float:
        """Requests per second that are exceeded within `ahead_s` seconds only with probability 1 - `certainty`.

        The result is the current level, times the ratio by which loads exceeded the level that had been known `ahead_s`
        before. The ratio covers chance, bursts and growth alike. Ratios to a level of nearly zero are meaningless, so
        the highest observed load, plus a margin, is the upper bound.
        """
        key = (self._buckets[-1].index, window_s, ahead_s, certainty)
        if self._ratio[0] != key:
            self._ratio = (key, surge_ratio(self._rates(), window_s, ahead_s, certainty))
        level = self.level(window_s).requests_per_s
        # A short history is a weak bound, so its margin is larger.
        doubt = max(NEW_PEAKS, USUAL_COUNTS / (USUAL_COUNTS + len(self._buckets)))
        most = (1 + doubt * (_usual_ratio(certainty) - 1)) * max(self._means(SURGE_S))
        return max(level, min(level * self._ratio[1], most))

    def rise_per_s(self, window_s: float) -> float:
        """Requests per second by which the load grew each second of the window; 0 without a clear trend.

        Theil and Sen's slope, the median over pairs of means: a single burst makes no trend.
        """
        each = max(1, round(window_s / BUCKET_S / TREND_POINTS))
        rates = self._rates()[-each * TREND_POINTS :]
        if len(rates) < each * TREND_POINTS:
            return 0.0
        means = [statistics.fmean(rates[at : at + each]) for at in range(0, len(rates), each)]
        slopes = [(means[j] - means[i]) / (j - i) for i, j in combinations(range(TREND_POINTS), 2)]
        if sum(slope > 0 for slope in slopes) < CONCORDANT * len(slopes):
            return 0.0
        return max(0.0, statistics.median(slopes)) / (each * BUCKET_S)

    def _newest(self, window_s: float) -> list[_Bucket]:
        count = min(len(self._buckets), max(1, math.ceil(window_s / BUCKET_S)))
        return [self._buckets[-1 - n] for n in range(count)]

    def _rates(self) -> list[float]:
        return [bucket.rate / bucket.looks for bucket in self._buckets]

    def _means(self, span_s: float) -> list[float]:
        """Means over every `span_s` seconds of the history, or over all of it if it is shorter."""
        sums, span = list(accumulate(self._rates(), initial=0.0)), round(span_s / BUCKET_S)
        span = min(span, len(sums) - 1)
        return [(later - sooner) / span for sooner, later in zip(sums, sums[span:], strict=False)]


def surge_ratio(rates: Sequence[float], window_s: float, ahead_s: float, certainty: float) -> float:
    """Quantile of (mean over SURGE_S) / (mean over the window that ended `ahead_s` before it), at least 1.

    While there are few such ratios, `USUAL_NOISE` counts as well.

    Args:
        rates: means over BUCKET_S each, oldest first.
    """
    window, ahead, short = (max(1, round(span_s / BUCKET_S)) for span_s in (window_s, ahead_s, SURGE_S))
    sums = list(accumulate(rates, initial=0.0))
    ratios = []
    for end in range(window + ahead + short, len(sums)):
        known = end - short - ahead
        before = (sums[known] - sums[known - window]) / window
        if before > 0:
            ratios.append((sums[end] - sums[end - short]) / short / before)
    usual = _usual_ratio(certainty)
    observed = sorted(ratios)[int(certainty * len(ratios))] if ratios else usual
    return max(1.0, (len(ratios) * observed + USUAL_COUNTS * usual) / (len(ratios) + USUAL_COUNTS))


def _usual_ratio(certainty: float) -> float:
    return 1 + NormalDist().inv_cdf(certainty) * USUAL_NOISE
