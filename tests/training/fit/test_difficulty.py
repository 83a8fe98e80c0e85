"""Training the difficulty score: deterministic, and it learns the order that the labels have."""

from __future__ import annotations

from unittest.mock import patch

import numpy as np
import pytest

from router.difficulty.artifact import dump_score
from router.types import RoutingRequest
from training.difficulty_prompts import own_lexicon, own_prompts
from training.fit import difficulty as fitting
from training.fit.difficulty import order_by_kind, train_score

PROMPTS = [prompt for prompt in own_prompts() if prompt.lang == "en"][:240]


@pytest.fixture(scope="module")
def score():
    with patch.multiple(fitting, ROUNDS=20, STEPS=15):
        return train_score(PROMPTS, own_lexicon(), card={"made": "today"})


def test_training_again_gives_the_same_score(score):
    with patch.multiple(fitting, ROUNDS=20, STEPS=15):
        again = train_score(PROMPTS, own_lexicon(), card={"made": "today"})
    assert dump_score(again) == dump_score(score)


def test_it_learns_the_order_of_its_prompts(score):
    values = [score.of(prompt.request).value for prompt in PROMPTS]
    by_kind = order_by_kind(PROMPTS, np.array(values))
    assert by_kind["language en"] > 0.8


def test_the_card_says_what_it_reached_on_prompts_it_had_not_seen(score):
    assert score.card["made"] == "today"
    assert score.card["prompts"] == len(PROMPTS)
    assert 0 < score.card["spread"] < 0.5
    assert 0.5 < score.card["order"]["language en"] < 1


def test_texts_of_training_are_familiar_and_others_are_not(score):
    assert score.of(PROMPTS[0].request).familiar > 0.9
    assert score.of(RoutingRequest("გამარჯობა მსოფლიო")).familiar < 0.2
