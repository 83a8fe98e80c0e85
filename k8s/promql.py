"""PromQL from the metric names in `deployments/metrics/gateway.py`. Only this module adds Ray's prefix and suffixes.

Queries sum over processes, because labels such as WorkerId change with every restart. A counter has no series before
its first increment. A share of an event that never happened would then have no data; `share` makes it 0.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Promql:
    """Builds queries that share matchers and grouping labels, such as those of one dashboard."""

    where: str = ""
    """Matchers in every selector."""
    by: tuple[str, ...] = ()
    """Labels that every result is grouped by."""
    window: str = "5m"
    """Default range of rates."""

    def recorded(self, record: str, where: str = "", window: str = "") -> str:
        """The series of a recording rule, or its samples in a window."""
        return self._matched(record, where, window)

    def select(self, metric: str, where: str = "", window: str = "") -> str:
        """A metric as Ray exposes it, or its samples in a window."""
        return self._matched(f"ray_{metric}", where, window)

    def _matched(self, series: str, where: str, window: str) -> str:
        matchers = ",".join(part for part in (self.where, where) if part)
        return series + (f"{{{matchers}}}" if matchers else "") + (f"[{window}]" if window else "")

    def gauge(self, operator: str, metric: str, *by: str, where: str = "") -> str:
        """A gauge over processes. Use `sum` if each process reports a part, `max` or `avg` if all report the same."""
        return f"{self._over(operator, by)} ({self.select(metric, where)})"

    def rate(self, counter: str, *by: str, where: str = "", window: str = "") -> str:
        """A counter's increase per second."""
        return f"{self._over('sum', by)} (rate({self.select(counter + '_total', where, window or self.window)}))"

    def increase(self, counter: str, window: str, *by: str, where: str = "") -> str:
        """A counter's increase within a window. A series younger than the window counts from 0, because its first
        sample may contain a whole burst. Prometheus' own increase only sees differences between samples."""
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
        """Part divided by whole, grouped by the same labels: 0 if the part has no series, no data without traffic."""
        return f"({part} or 0 * {whole}) / ({whole} > 0)"

    def _buckets(self, histogram: str, by: tuple[str, ...]) -> str:
        return f"{self._over('sum', (*by, 'le'))} (rate({self.select(histogram + '_bucket', window=self.window)}))"

    def _over(self, operator: str, by: tuple[str, ...]) -> str:
        labels = (*self.by, *by)
        return f"{operator} by ({', '.join(labels)})" if labels else operator
