"""The model of few labels: one order, one ladder of mean gains, and difficulty where the labels say nothing."""

from __future__ import annotations

import io
import json
from dataclasses import replace

import numpy as np
import pytest
from named_models import fleet
from outcome_maker import outcome_rows
from trained_router import adapted, as_outcomes

from cluster.pool import TIERS
from router.loading import read_quality
from router.model.arrays import ArtifactError
from router.model.artifact import dump_artifact, load_artifact
from router.types import RoutingRequest

SEEN = "Day 3: add up these coins: 4, 5, 9, 12."
STRANGE = "Wie beweist man, dass es unendlich viele Primzahlen gibt?"


def with_line(mean, spread):
    with np.load(io.BytesIO(dump_artifact(adapted()))) as file:
        arrays = {name: file[name] for name in file.files} | {"line": np.array([mean, spread])}
    packed = io.BytesIO()
    np.savez(packed, **arrays)
    return packed.getvalue()


@pytest.mark.parametrize("text", ["", "hi", SEEN, STRANGE, "?" * 9_000, "\ud800", "0" * 50_000])
def test_every_request_has_a_quality_between_none_and_sure(text):
    predicted = adapted().predict(RoutingRequest(text))
    assert list(predicted.quality) == list(TIERS)
    assert all(0 <= value <= 1 for value in predicted.quality.values())


def test_the_higher_the_score_the_more_is_gained():
    model = adapted()
    low, high = (model.qualities(score) for score in (-2.0, 2.0))
    assert high["large"] - high["small"] > low["large"] - low["small"] > 0


def test_a_tier_that_hardly_gains_is_still_ordered():
    model = replace(adapted(), levels=np.array([0.8, -0.02, 0.0]))
    low, high = (model.qualities(score) for score in (-2.0, 2.0))
    assert high["large"] - high["small"] > low["large"] - low["small"]


def test_what_is_unlike_the_labels_is_judged_by_difficulty():
    model = read_quality(dump_artifact(adapted()), fleet())
    assert model.predict(RoutingRequest(SEEN)).fallback is None
    strange = model.predict(RoutingRequest(STRANGE))
    assert "so difficulty counts 100%" in strange.fallback
    assert strange.quality == pytest.approx(model.far.predict(RoutingRequest(STRANGE)).quality)


def test_an_answer_is_never_expected_to_exceed_its_limit():
    assert set(adapted().predict(RoutingRequest(SEEN, max_tokens=2)).output_tokens.values()) == {2}


def test_its_reasons_are_the_parts_of_its_score():
    assert {name for name, _ in adapted().because(RoutingRequest(SEEN))} == {"order of public outcomes", "own labels"}


def test_a_model_comes_back_from_its_file():
    again = load_artifact(dump_artifact(adapted()))
    assert dump_artifact(again) == dump_artifact(adapted())
    for outcome in as_outcomes(outcome_rows(40, seed=5)):
        quality = adapted().predict(outcome.request).quality
        assert again.predict(outcome.request).quality == pytest.approx(quality, abs=2e-3)


@pytest.mark.parametrize("spread", [0.0, -1.0])
def test_a_file_without_a_spread_is_refused(spread):
    with pytest.raises(ArtifactError, match="has no spread of scores: train it again"):
        load_artifact(with_line(0.0, spread))


def test_its_card_says_how_much_it_has_learned_from():
    assert json.loads(json.dumps(adapted().card))["labels"] == {"small": 80, "moe": 80, "large": 80}
