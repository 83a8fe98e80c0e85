from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from training.judge.baselines import random_scores
from training.judge.scores import Judge, Method, Predictor, Truth, interval

COUNT = 600


def truth(seed: int = 0, tiers: int = 3) -> Truth:
    """Queries of random difficulty; dearer tiers solve harder ones."""
    draw = np.random.default_rng(seed)
    difficulty = draw.random(COUNT)
    able = np.array([0.45, 0.6, 0.85])[-tiers:]
    quality = (draw.random((COUNT, tiers)) < 1 / (1 + np.exp(12 * (difficulty[:, None] - able)))).astype(float)
    return Truth(("small", "moe", "large")[-tiers:], quality, np.tile([1.0, 3.0, 10.0][-tiers:], (COUNT, 1)))


def oracle(known: Truth) -> Predictor:
    return Predictor(known.gain, known.quality, known.cost)


def test_the_hand_computed_case():
    # Two queries that only the strong tier solves come first in one ranking and last in the other.
    quality = np.array([[0.0, 1.0]] * 2 + [[1.0, 1.0]] * 8)
    judge = Judge(Truth(("moe", "large"), quality, np.tile([3.0, 10.0], (10, 1))), resamples=0)
    best = judge.scores([Method(np.arange(10.0)[::-1])])
    worst = judge.scores([Method(np.arange(10.0))])
    assert best.apgr == pytest.approx(0.9)  # up to the whole gap over a fifth of the calls, then flat
    assert best.cpt50 == pytest.approx(0.1)
    assert worst.apgr == pytest.approx(0.1)
    assert worst.cpt80 == pytest.approx(0.96)
    assert best.gain_share == pytest.approx(1)
    assert worst.gain_share == pytest.approx(0)
    assert best.ece is None
    assert best.apgr_ci is None


@pytest.mark.parametrize("tiers", [2, 3])
def test_the_oracle_gains_everything(tiers):
    known = truth(tiers=tiers)
    scores = Judge(known, resamples=0).scores([oracle(known)])
    assert scores.gain_share == pytest.approx(1)
    assert scores.ece == 0


@settings(max_examples=25, deadline=None)
@given(st.integers(0, 1_000), st.sampled_from([2, 3]))
def test_nobody_beats_the_oracle(seed, tiers):
    known = truth(seed, tiers)
    judge, draw = Judge(known, resamples=0), np.random.default_rng(seed)
    best = judge.scores([oracle(known)])
    mixed = 0.5 * known.quality + draw.random(known.quality.shape)
    for method in (Method(draw.random(COUNT)), Predictor(mixed[:, -1] - mixed[:, 0], mixed, known.cost)):
        other = judge.scores([method])
        assert best.apgr >= other.apgr - 1e-9
        assert best.gain_share >= other.gain_share
        assert best.aiq >= other.aiq


@pytest.mark.parametrize("tiers", [2, 3])
def test_chance_is_as_good_as_a_fixed_mix(tiers):
    known = truth(tiers=tiers)
    scores = Judge(known).scores([Method(score) for score in random_scores(COUNT, seed=5)])
    assert scores.apgr == pytest.approx(0.5, abs=0.02)
    # Above 0 by what picking the best of several policies in hindsight gains on so few queries.
    assert -0.02 < scores.gain_share < 0.08
    assert scores.apgr_ci[0] < scores.apgr < scores.apgr_ci[1]


def test_a_constant_is_exactly_a_fixed_mix():
    known = truth()
    judge = Judge(known, resamples=0)
    scores = judge.scores([Method(np.zeros(COUNT))])
    assert scores.apgr == pytest.approx(0.5)
    assert scores.cpt50 == pytest.approx(0.5)
    assert scores.gain_share == pytest.approx(0)
    flat = np.tile(known.quality.mean(axis=0), (COUNT, 1))
    assert judge.scores([Predictor(np.zeros(COUNT), flat, known.cost)]).gain_share == pytest.approx(0)


def test_the_order_of_queries_and_the_currency_do_not_matter():
    known, order = truth(), np.random.default_rng(1).permutation(COUNT)
    score = known.gain + np.random.default_rng(2).random(COUNT)
    one = Judge(known, resamples=0).scores([Predictor(score, known.quality, known.cost)])
    other = Truth(known.tiers, known.quality[order], known.cost[order] * 1024)
    two = Judge(other, resamples=0).scores([Predictor(score[order], other.quality, other.cost)])
    assert one.apgr == pytest.approx(two.apgr)
    assert one.gain_share == pytest.approx(two.gain_share)
    assert one.aiq == pytest.approx(two.aiq)


def test_equal_prices_and_equal_tiers_have_no_metrics():
    even = Truth(("moe", "large"), np.ones((4, 2)), np.ones((4, 2)))
    scores = Judge(even).scores([Method(np.arange(4.0))])
    assert (scores.apgr, scores.cpt50, scores.gain_share, scores.aiq, scores.apgr_ci) == (None,) * 5


def test_the_interval_comes_again_and_holds_the_middle_of_the_samples():
    known = truth()
    one, two = (Judge(known, seed=4).scores([oracle(known)]).apgr_ci for _ in range(2))
    assert one == two
    assert interval(np.array([0.5, *np.linspace(0, 1, 101)])) == pytest.approx((0.025, 0.975))
    assert interval(np.array([0.5])) is None
