"""Means over the gateway's last seconds."""

from __future__ import annotations

from dataclasses import replace

import pytest

from autoscaling.demand_window import WINDOW_S, DemandWindow
from autoscaling.types import PoolDemand


def test_nothing_came():
    assert DemandWindow(-5.0).means(0.0) == PoolDemand()


def test_means_are_of_the_window_only_and_of_what_it_can_know():
    window = DemandWindow(-10.0)
    for second in range(-10, 0):
        window.arrived(second + 0.5, 100)
        window.taken(second + 0.5)
        window.taken(second + 0.6)  # another pool's
        window.answered(second + 0.7, 7, late=second < -7)
    assert vars(window.means(0.0, held=4)) == pytest.approx(vars(PoolDemand(1.0, 100.0, 7.0, 1.0, 0.3, 2.0, held=4)))
    for second in range(0, 100):
        for _ in range(3):
            window.arrived(second + 0.25, 500)
    means = window.means(100.0)
    assert means.arrivals_per_s == pytest.approx(3.0, rel=1.5 / WINDOW_S)
    assert replace(means, arrivals_per_s=0.0) == PoolDemand(prompt_tokens=500.0)
    assert window.means(200.0) == PoolDemand()
