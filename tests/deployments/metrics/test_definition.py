"""Definitions of metrics become Ray metrics, one for each object."""

from __future__ import annotations

import pytest
from ray.util.metrics import Gauge, Histogram

from deployments.metrics.definition import POOL, Count, counter, definitions, gauge, histogram


class Some:
    """A section."""

    asked = counter("some_requests", "requests", POOL, "What was asked.", "Ask less.")
    level = gauge("some_level", "0..1", {}, "How high.", "Look up.", over="max")
    took = histogram("some_seconds", "seconds", POOL, "How long.", "Wait.", (0.5, 1.0))


class More(Some):
    """Inherits a section."""


def test_a_metric_is_made_once_for_each_object():
    one, other = More(), More()
    assert one.asked is one.asked
    assert one.asked is not other.asked
    assert [type(each) for each in (one.asked, one.level, one.took)] == [Count, Gauge, Histogram]
    assert one.asked.info["name"] == "some_requests"
    assert one.asked.info["tag_keys"] == ("pool",)
    assert one.took.info["boundaries"] == [0.5, 1.0]


def test_definitions_come_in_the_order_they_are_written_with_the_names_prometheus_sees():
    assert [each.exposed for each in definitions([Some])] == [
        "ray_some_requests_total",
        "ray_some_level",
        "ray_some_seconds",
    ]
    assert [each.over for each in definitions([Some])] == ["sum", "max", "sum"]


def test_a_counter_takes_nothing_to_count_but_never_falls():
    """Tokens of a pool without a price cost 0: Ray's own counter would fail the request for it."""
    count = Some().asked
    count.inc(0, tags={"pool": "small"})
    count.inc(0.5, tags={"pool": "small"})
    with pytest.raises(ValueError, match="must be >0"):
        count.inc(-1, tags={"pool": "small"})


def test_a_label_that_was_forgotten_is_an_error():
    with pytest.raises(ValueError, match="pool"):
        Some().asked.inc()
