"""The order that ships is learned from several data sets, each of which counts by its own order only."""

from __future__ import annotations

import random

import numpy as np
import pytest

from router.model.learned import view
from router.types import RoutingRequest
from training.fit.gains import fit_gains, gain_of
from training.outcomes import Outcome

WORDS = "the red house by a lake was sold to some friend who likes boats and rain".split()


def longer_gains(level, seed):
    """A data set in which long queries gain; `level` is what the low tier reaches otherwise."""
    draw = random.Random(seed)
    found = []
    for _ in range(300):
        count = draw.randint(5, 60)
        low = level if count < 30 else level / 2
        found.append(Outcome(RoutingRequest(" ".join(draw.choices(WORDS, k=count))), "", {"small": low, "large": 1.0}))
    return found


def scores(base, counts):
    return [base.of(view(RoutingRequest(" ".join(WORDS * 5)[: 5 * count])).features) for count in counts]


def test_an_order_that_all_sets_share_is_learned():
    base = fit_gains([longer_gains(0.9, 1), longer_gains(0.2, 2)])
    short, long = scores(base, (8, 60))
    assert long > short + 0.5


def test_sets_without_two_tiers_or_without_any_difference_teach_nothing():
    alike = [Outcome(RoutingRequest(f"q {n}"), "", {"small": 1.0, "large": 1.0}) for n in range(50)]
    alone = [Outcome(RoutingRequest(f"q {n}"), "", {"large": 1.0}) for n in range(50)]
    one = fit_gains([longer_gains(0.9, 1)])
    assert np.allclose(scores(one, (8, 60)), scores(fit_gains([longer_gains(0.9, 1), alike, alone]), (8, 60)))
    with pytest.raises(ValueError, match="no set has outcomes of two tiers"):
        fit_gains([alike, alone])


def test_a_gain_is_that_of_the_highest_tier_over_the_lowest():
    assert gain_of(Outcome(RoutingRequest("q"), "", {"large": 1.0, "moe": 0.5, "small": 0.25})) == 0.75
