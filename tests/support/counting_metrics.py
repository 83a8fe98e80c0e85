"""Metrics that remember instead of Ray's, for whatever counts or sets them."""

from __future__ import annotations

from collections import defaultdict


class Recorder:
    """One metric: counts add up, levels are replaced, observations are kept; by labels."""

    def __init__(self):
        self.values = {}
        self.observed = defaultdict(list)

    def inc(self, value=1, tags=None):
        """As a counter that takes 0 and makes no series of it."""
        assert value >= 0
        if value:
            self.values[_key(tags)] = self.values.get(_key(tags), 0) + value

    def set(self, value, tags=None):
        """As a gauge."""
        self.values[_key(tags)] = value

    def observe(self, value, tags=None):
        """As a histogram."""
        self.observed[_key(tags)].append(value)

    def at(self, **tags):
        """The value of a series; None where there is none."""
        return self.values.get(_key(tags))


def _key(tags):
    return tuple(sorted((tags or {}).items()))


class CountingMetrics:
    """Has every metric that it is asked for."""

    def __init__(self):
        self.made = defaultdict(Recorder)

    def __getattr__(self, name):
        return self.made[name]
