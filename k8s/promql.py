"""PromQL from the names in `deployments/metrics/gateway.py`: Ray's prefix and suffixes are added here and nowhere else.

Sums are over processes: labels such as WorkerId change with every restart. A counter has no series before its first
increment, so a share of something that never happened would be no data instead of 0: `share` makes it 0.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Promql:
    """Queries of one place, such as a dashboard: what every selector matches and what every result keeps apart."""

    where: str = ""
    """Matchers of every selector."""
    by: tuple[str, ...] = ()
    """Labels that every result keeps."""
    window: str = "5m"
    """Range of rates, where a query names none."""

    def select(self, metric: str, where: str = "", window: str = "") -> str:
        """A metric as Ray exposes it, or its samples of a window."""
        matchers = ",".join(part for part in (self.where, where) if part)
        return f"ray_{metric}" + (f"{{{matchers}}}" if matchers else "") + (f"[{window}]" if window else "")

    def gauge(self, operator: str, metric: str, *by: str, where: str = "") -> str:
        """A gauge over processes; `operator` is sum where each holds a part, max or avg where each says the same."""
        return f"{self._over(operator, by)} ({self.select(metric, where)})"

    def rate(self, counter: str, *by: str, where: str = "", window: str = "") -> str:
        """A counter's increase per second."""
        return f"{self._over('sum', by)} (rate({self.select(counter + '_total', where, window or self.window)}))"

    def increase(self, counter: str, window: str, *by: str, where: str = "") -> str:
        """A counter's increase within a window. A series that is younger counts from 0: its first sample may be the
        whole burst, and Prometheus' own increase knows only differences of samples."""
        now, whole = (self.select(f"{counter}_total", where, each) for each in ("", window))
        return f"{self._over('sum', by)} (({now} unless {now} offset {window}) or increase({whole}))"

    def quantile(self, quantile: float, histogram: str, *by: str) -> str:
        """A quantile of a histogram's observations within the window."""
        return f"histogram_quantile({quantile:g}, {self._buckets(histogram, by)})"

    def mean(self, histogram: str, *by: str) -> str:
        """The mean of a histogram's observations within the window."""
        parts = (f"rate({self.select(histogram + end, window=self.window)})" for end in ("_sum", "_count"))
        total, count = (f"{self._over('sum', by)} ({part})" for part in parts)
        return f"{total} / ({count} > 0)"

    def share(self, part: str, whole: str) -> str:
        """Part over whole, kept apart by the same labels: 0 where the part has no series, nothing without traffic."""
        return f"({part} or 0 * {whole}) / ({whole} > 0)"

    def _buckets(self, histogram: str, by: tuple[str, ...]) -> str:
        return f"{self._over('sum', (*by, 'le'))} (rate({self.select(histogram + '_bucket', window=self.window)}))"

    def _over(self, operator: str, by: tuple[str, ...]) -> str:
        kept = (*self.by, *by)
        return f"{operator} by ({', '.join(kept)})" if kept else operator
