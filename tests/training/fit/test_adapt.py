"""Few labels adapt what ships, many replace it, and too few are refused."""

from __future__ import annotations

from dataclasses import replace

import pytest
from outcome_maker import outcome_rows
from trained_router import ROUNDS, as_outcomes

from router.model.adapted import AdaptedQuality
from router.model.artifact import dump_artifact
from router.model.learned import LearnedQuality
from router.types import RoutingRequest
from training.fit import members
from training.fit.adapt import LEAST_OWN, MANY, PRIOR_GAIN, PRIOR_LABELS, learn, mean_gain
from training.fit.train import TooFewLabels
from training.outcomes import Outcome


@pytest.fixture(autouse=True)
def few_trees(monkeypatch):
    monkeypatch.setattr(members, "ROUNDS_FEW", ROUNDS)


def rows(count, small=0.0, moe=1.0, large=1.0):
    quality = {"small": small, "moe": moe, "large": large}
    return [Outcome(RoutingRequest(f"Which colour has house number {row}?"), "", quality) for row in range(count)]


def test_labels_are_adapted_to_or_learned_by_their_number():
    made = as_outcomes(outcome_rows(MANY, tokens=True))
    assert isinstance(learn(made[: MANY - 1]), AdaptedQuality)
    assert isinstance(learn(made), LearnedQuality)


def test_too_few_labels_are_refused():
    with pytest.raises(TooFewLabels, match="two tiers need 25 queries that both have answered"):
        learn(rows(LEAST_OWN - 1))
    with pytest.raises(TooFewLabels, match="small 0, moe 0, large 40"):
        learn([replace(row, quality={"large": 1.0}) for row in rows(40)])
    with pytest.raises(TooFewLabels):
        learn(rows(1) * 100)


def test_the_same_labels_give_the_same_bytes():
    made = as_outcomes(outcome_rows(60))
    assert dump_artifact(learn(made)) == dump_artifact(learn(made)) != dump_artifact(learn(made, seed=1))


def test_a_fleet_whose_small_model_is_enough_learns_it():
    query = rows(31)[-1].request
    weak = learn(rows(30, small=0.0)).predict(query).quality
    strong = learn(rows(30, small=1.0)).predict(query).quality
    assert weak["large"] - weak["small"] > 0.5
    assert strong["large"] - strong["small"] < 0.2


def test_few_labels_move_the_mean_gain_by_their_share():
    gain = mean_gain(rows(PRIOR_LABELS, small=0.0), "large", "small")
    assert gain == pytest.approx((1 + PRIOR_GAIN["small"]) / 2)


def test_feedback_on_the_cheap_tier_alone_counts():
    told = [replace(row, quality={"small": 0.0}) for row in rows(60)]
    before = rows(30, small=1.0)
    one, both = learn(before), learn(before + told)
    assert both.card["labels"]["small"] == 90
    assert dump_artifact(one) != dump_artifact(both)


def test_answers_of_own_labels_are_expected():
    made = [replace(row, output_tokens={"small": 7.0, "large": 90.0}) for row in rows(LEAST_OWN)]
    tokens = learn(made).predict(rows(1)[0].request).output_tokens
    assert (tokens["small"], tokens["large"]) == (7.0, 90.0)
