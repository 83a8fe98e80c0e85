"""Training: a rule that is planted is found, nothing depends on chance, and too little to learn from is said."""

from __future__ import annotations

import random
from dataclasses import replace

import numpy as np
import pytest
from outcome_maker import outcome_rows
from trained_router import as_outcomes, train_quickly, trained

from router.model.artifact import dump_artifact
from router.model.learned import LearnedQuality
from router.quality import RULE_OUTPUT_TOKENS
from router.types import RoutingRequest
from training.fit import calibration
from training.fit.train import LEAST_LABELS, TooFewLabels, learnable_tiers
from training.metrics import apgr
from training.outcomes import Outcome
from training.policies import threshold_policies

FILLER = "the red house by a lake was sold to some friend who likes boats and rain in spring".split()


def planted(count: int, seed: int = 0) -> list[Outcome]:
    """Queries that the cheap tier fails if they have a hard word, however long they are."""
    draw, rows = random.Random(seed), []
    for number in range(count):
        words = draw.choices(FILLER, k=draw.randint(6, 40))
        hard = draw.random() < 0.5
        words.insert(draw.randrange(len(words)), draw.choice(("prove", "derive") if hard else ("list", "name")))
        cheap = float(hard == (draw.random() < 0.05))
        rows.append(Outcome(RoutingRequest(f"{' '.join(words)} {number}?"), "", {"moe": cheap, "large": 1.0}))
    return rows


def recovered(scores: list[float], outcomes: list[Outcome]) -> float:
    """APGR of sending the highest scores to the large tier."""
    top = threshold_policies(np.array(scores), 0, 1).astype(bool)
    quality = np.array([[outcome.quality[tier] for tier in ("moe", "large")] for outcome in outcomes])
    found = apgr(top.mean(axis=1), np.where(top, quality[:, 1], quality[:, 0]).mean(axis=1))
    assert found is not None
    return found


def gains(model: LearnedQuality, outcomes: list[Outcome]) -> list[float]:
    said = [model.predict(outcome.request).quality for outcome in outcomes]
    return [quality["large"] - quality["moe"] for quality in said]


@pytest.mark.parametrize("few_labels", [calibration.FEW_LABELS, 300])
def test_a_planted_rule_is_learned(few_labels, monkeypatch):
    """With the settings for few labels and with those for many."""
    monkeypatch.setattr(calibration, "FEW_LABELS", few_labels)
    model, unseen = train_quickly(planted(400)), planted(200, seed=1)
    by_length = recovered([float(len(outcome.request.text)) for outcome in unseen], unseen)
    by_model = recovered(gains(model, unseen), unseen)
    assert by_length < 0.6
    assert by_model > 0.68  # three quarters would be perfect: half of the queries take the large tier
    held_out = model.card["held_out"]
    assert held_out["apgr"] > 0.6
    assert held_out["queries"] == (400 if few_labels > 400 else pytest.approx(80, abs=40))


def test_the_same_outcomes_give_the_same_bytes():
    one, other, third = (dump_artifact(train_quickly(planted(220), seed=seed)) for seed in (3, 3, 4))
    assert one == other != third


@pytest.mark.parametrize(
    ("outcomes", "said"),
    [
        ([], "small 0, moe 0, large 0"),
        (planted(LEAST_LABELS - 1), "small 0, moe 199, large 199"),
        ([replace(row, quality={"large": 1.0}) for row in planted(300)], "small 0, moe 0, large 300"),
        (
            [replace(row, quality={tier: 1.0}) for tier in ("moe", "large") for row in planted(250)],
            "two tiers need 200 queries that both have answered; the labels are: small 0, moe 250, large 250",
        ),
        (planted(1) * 300, "two tiers need 200"),
    ],
)
def test_too_few_labels(outcomes, said):
    with pytest.raises(TooFewLabels, match=said):
        train_quickly(outcomes)


@pytest.mark.parametrize(
    ("known", "tiers"),
    [
        ({"small": 300, "moe": 300, "large": 300}, ("large", "small", "moe")),
        ({"small": 300, "moe": 300, "large": 199}, ("moe", "small")),
        ({"small": 300, "moe": 10, "large": 200}, ("large", "small")),
    ],
)
def test_tiers_with_enough_labels_are_learned(known, tiers):
    rows = [
        Outcome(RoutingRequest(f"q {row}"), "", {tier: 1.0 for tier, count in known.items() if row < count})
        for row in range(300)
    ]
    assert learnable_tiers(rows) == tiers


def test_feedback_on_the_cheap_tier_alone_is_used():
    """Where a hard word is known from feedback only, queries with it are still sent up."""
    known = planted(260)
    told = [Outcome(RoutingRequest(f"integrate {row.request.text}"), "", {"moe": 0.0}) for row in planted(200, seed=2)]
    query = RoutingRequest("integrate the red house by a lake, list some friend 7?")
    without, with_feedback = (train_quickly(rows).predict(query).quality for rows in (known, known + told))
    assert with_feedback["large"] - with_feedback["moe"] > without["large"] - without["moe"] + 0.2


def test_a_tier_without_labels_follows_the_trend_of_the_others():
    prediction = train_quickly(planted(210)).predict(planted(1)[0].request)
    assert prediction.fallback == "training has no data for tier small: its quality follows the other tiers' trend"
    assert list(prediction.output_tokens.values()) == pytest.approx([RULE_OUTPUT_TOKENS] * 3)


def test_tiers_that_never_differ_gain_nothing():
    same = [replace(row, quality={"moe": 1.0, "large": 1.0}) for row in planted(210)]
    model = train_quickly(same)
    assert gains(model, same[:20]) == pytest.approx([0] * 20, abs=1e-6)
    assert model.card["held_out"]["apgr"] is None


def test_mean_lengths_of_answers_are_learned():
    rows = as_outcomes(outcome_rows(400, tokens=True))
    means = {tier: np.mean([row.output_tokens[tier] for row in rows]) for tier in rows[0].output_tokens}
    assert trained().predict(rows[0].request).output_tokens == pytest.approx(means)


def test_a_tier_whose_answers_are_unknown_has_the_others_length():
    rows = as_outcomes(outcome_rows(300, tokens=True))
    rows = [replace(row, output_tokens={"small": 10.0, "moe": 30.0}) for row in rows]
    assert train_quickly(rows).output_tokens.tolist() == pytest.approx([10.0, 30.0, 20.0])


def test_the_card_says_what_was_learned_from():
    card = trained().card
    assert card["made"] == "today"
    assert card["labels"] == {"small": 400, "moe": 400, "large": 400}
    assert card["held_out"]["queries"] == 400
    assert all(0 <= error < 0.2 for error in card["held_out"]["ece"].values())


def test_the_calibration_sample_is_out_of_fold():
    sample = trained().calibration
    assert sample.quality.shape == sample.output_tokens.shape == (400, 3)
    assert ((sample.quality >= 0) & (sample.quality <= 1)).all()
    assert (sample.prompt_tokens > 0).all()
