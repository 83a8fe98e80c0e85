"""The learned model's predictions: when it speaks, when rules stand in for it, and what its numbers mean."""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from trained_router import trained

from cluster.pool import TIERS
from router.model.learned import in_line
from router.quality import RuleQuality
from router.types import RoutingRequest

KNOWN = "Day 7: add up these coins: "
EASY, HARD = KNOWN + "3, 4.", KNOWN + ", ".join("9" * 12) + "."


def test_harder_queries_are_expected_to_fail_on_cheap_tiers():
    easy, hard = (trained().predict(RoutingRequest(text)).quality for text in (EASY, HARD))
    gains = [quality["large"] - quality["small"] for quality in (easy, hard)]
    assert gains[1] > gains[0] + 0.1


def test_a_prediction_says_why():
    hard, easy = (dict(trained().because(RoutingRequest(text))) for text in (HARD, EASY))
    sizes = [abs(part) for part in hard.values()]
    assert sizes == sorted(sizes, reverse=True)
    assert hard["length"] > 0 > easy["length"]  # the made-up queries get harder with their numbers
    assert any("number" in name for name in hard)


def test_rules_say_why_where_they_stand_in():
    request = RoutingRequest(GERMAN)
    assert trained().because(request) == RuleQuality().because(request) != ()


GERMAN = "Warum ist der Himmel am Abend rot und am Mittag blau, obwohl doch dieselbe Sonne scheint?"


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "the query has no words"),
        (" \n\t", "the query has no words"),
        (GERMAN, "training has seen only"),
        ("为什么天空是蓝色的？请解释一下。", "training has seen only"),
        ("\ud800 \ud801", "training has seen only"),
        (KNOWN * 200, "the query is far longer than any in training"),
        ("\x00" * 100_000, "the query is far longer than any in training"),
    ],
)
def test_far_from_training_rules_stand_in(text, reason):
    request = RoutingRequest(text)
    prediction = trained().predict(request)
    assert prediction.fallback is not None
    assert prediction.fallback.startswith(f"judged by difficulty alone: {reason}")
    assert prediction.quality == RuleQuality().predict(request).quality


ANY_TEXT = st.text(max_size=300) | st.text(st.characters(exclude_categories=[]), max_size=100)


@settings(deadline=None)
@given(
    st.builds(
        RoutingRequest,
        text=ANY_TEXT | ANY_TEXT.map(KNOWN.__add__) | st.text("3, 9", max_size=200).map(KNOWN.__add__),
        system=st.text(max_size=20),
        turns=st.integers(1, 10**6),
        tools=st.integers(0, 10**6),
        max_tokens=st.none() | st.integers(1, 10**9),
    )
)
def test_any_request_gets_a_prediction(request):
    prediction = trained().predict(request)
    assert tuple(prediction.quality) == tuple(prediction.output_tokens) == TIERS
    assert all(0 <= value <= 1 for value in prediction.quality.values())
    assert all(1 <= value <= (request.max_tokens or math.inf) for value in prediction.output_tokens.values())
    assert prediction == trained().predict(request)


def test_answers_are_no_longer_than_asked_for():
    free, held = (trained().predict(RoutingRequest(HARD, max_tokens=limit)).output_tokens for limit in (None, 5))
    assert all(20 < length < 60 for length in free.values())
    assert set(held.values()) == {5}


@pytest.mark.parametrize(
    ("heads", "expected"),
    [
        ([0.9, 0.4, 0.1], {"large": 0.9, "small": 0.5, "moe": 0.8}),
        ([1.2, 0.4, 0.1], {"large": 1.0, "small": 0.6, "moe": 0.9}),  # all move down with the anchor
        ([0.3, 0.5, 0.1], {"large": 0.5, "small": 0.0, "moe": 0.4}),  # all move up with the lowest
        ([0.95, -0.2, 0.1], {"large": 0.8, "small": 1.0, "moe": 0.7}),  # a lower tier may be better
        ([0.5, 9.0, 0.1], {"large": 1.0, "small": 0.0, "moe": 0.9}),  # a gain is 1 at most
        ([1.5, 0.0, 0.0], {"large": 1.0, "small": 1.0, "moe": 1.0}),
    ],
)
def test_levels_stay_within_bounds_and_gains_stay(heads, expected):
    assert trained().qualities(np.array(heads)) == pytest.approx(expected)


@given(*[st.floats(-3, 3)] * 3)
def test_the_order_of_tiers_is_that_of_their_gains(anchor, small, moe):
    quality = trained().qualities(np.array([anchor, small, moe]))
    assert all(0 <= value <= 1 for value in quality.values())
    for tier, gain in (("small", small), ("moe", moe)):
        assert (quality["large"] - quality[tier]) * gain >= -1e-9
    assert (quality["moe"] - quality["small"]) * (small - moe) >= -1e-9


@pytest.mark.parametrize(
    ("known", "tier", "level"),
    [
        ({"small": 0.5, "large": 0.9}, "moe", 0.7),
        ({"large": 0.9, "moe": 0.8}, "small", 0.7),
        ({"small": 0.2, "moe": 0.5}, "large", 0.8),
        ({"moe": 0.7, "small": 0.2}, "large", 1.0),
        ({"moe": 0.3, "large": 0.9}, "small", 0.0),
    ],
)
def test_a_tier_in_line_with_others(known, tier, level):
    assert in_line(known, tier) == pytest.approx(level)


def test_a_tier_that_training_did_not_know_is_put_in_line():
    model = trained()
    heads = replace(
        model.ensemble,
        linear=replace(model.ensemble.linear, weights=model.ensemble.linear.weights[:2], intercept=np.zeros(2)),
        words=replace(model.ensemble.words, weights=model.ensemble.words.weights[:, :2], intercept=np.zeros(2)),
        trees=replace(model.ensemble.trees, heads=model.ensemble.trees.heads[:2]),
        slope=np.ones(2),
        offset=np.zeros(2),
    )
    request = RoutingRequest(EASY)
    prediction = replace(model, lower=("small",), ensemble=heads).predict(request)
    assert prediction.fallback == "training has no data for tier moe: its quality follows the other tiers' trend"
    assert prediction.quality["moe"] == pytest.approx((prediction.quality["small"] + prediction.quality["large"]) / 2)
