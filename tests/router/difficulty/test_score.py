"""The shipped difficulty score: certain where it knows texts, uncertain where it does not, never out of bounds."""

from __future__ import annotations

import io
import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from named_models import fleet

from cluster.pool import TIERS
from router.difficulty.artifact import dump_score, load_score
from router.difficulty.ladder import LADDER, qualities
from router.difficulty.score import MIDDLE, Difficulty
from router.loading import shipped_quality
from router.model.arrays import ArtifactError
from router.types import RoutingRequest

MODEL = shipped_quality(fleet())
EASY = "What is the capital of France?"
HARD = "Prove that there are infinitely many primes congruent to 3 modulo 4."
STRANGE = "ᚠᚢᚦᚨᚱᚲ ᚷᚹᚺᚾᛁ ᛃᛇᛈᛉᛊᛏ ᛒᛖᛗᛚᛜ ᛞᛟ"


def difficulty(text):
    return MODEL.score.of(RoutingRequest(text))


def test_an_easy_request_is_below_a_hard_one():
    assert difficulty(EASY).value < MIDDLE < difficulty(HARD).value


@pytest.mark.parametrize("text", ["", "  \n", STRANGE, "\ud800"])
def test_what_is_unknown_is_uncertain_and_said(text):
    found, prediction = difficulty(text), MODEL.predict(RoutingRequest(text))
    assert found.value == pytest.approx(MIDDLE, abs=0.05)
    assert found.spread > difficulty(EASY).spread
    assert all(0.3 < prediction.quality[tier] < 0.95 for tier in TIERS)
    assert "uncertain" in prediction.fallback


def test_a_known_text_needs_no_excuse():
    assert MODEL.predict(RoutingRequest(EASY)).fallback is None


@given(st.text(st.characters(exclude_categories=[]), max_size=400), st.integers(1, 10_000))
def test_any_text_has_a_prediction_and_a_bigger_tier_is_never_worse(text, max_tokens):
    request = RoutingRequest(text, max_tokens=max_tokens)
    prediction = MODEL.predict(request)
    small, moe, large = (prediction.quality[tier] for tier in TIERS)
    assert 0 <= small <= moe <= large <= 1
    assert all(0 < count <= max_tokens for count in prediction.output_tokens.values())
    assert MODEL.predict(request) == prediction


def test_a_huge_text_is_read_at_its_ends():
    assert difficulty("x " * 10_000_000).value == difficulty("x " * 10_000).value


def test_uncertainty_brings_the_tiers_together():
    sure, unsure = (qualities(Difficulty(0.7, spread, 1.0), LADDER) for spread in (0.05, 0.3))
    assert unsure["large"] - unsure["small"] < sure["large"] - sure["small"]
    assert qualities(Difficulty(LADDER["moe"], 0.2, 1.0), LADDER)["moe"] == pytest.approx(0.5)


def test_a_ladder_in_the_spec_raises_a_tier():
    stronger = shipped_quality(fleet(ladder={"small": 0.8})).predict(RoutingRequest(HARD)).quality
    usual = MODEL.predict(RoutingRequest(HARD)).quality
    assert stronger["small"] > usual["small"]
    assert stronger["large"] == usual["large"]


def test_an_explanation_names_the_words_that_matter():
    words = dict(MODEL.because(RoutingRequest(HARD)))
    assert words["Prove"] > 0


def test_a_budget_can_start_from_the_sample():
    sample = MODEL.calibration
    assert sample.quality.shape == sample.output_tokens.shape == (len(sample.prompt_tokens), len(TIERS))
    assert (np.diff(sample.quality, axis=1) >= 0).all()


def test_a_score_comes_back_from_its_file():
    again = load_score(dump_score(MODEL.score))
    assert dump_score(again) == dump_score(MODEL.score)
    assert again.of(RoutingRequest(HARD)) == difficulty(HARD)


def changed(**changes):
    with np.load(io.BytesIO(dump_score(MODEL.score))) as file:
        arrays = {name: file[name] for name in file.files} | changes
    content = io.BytesIO()
    np.savez(content, **{name: array for name, array in arrays.items() if array is not None})
    return content.getvalue()


def head(**changes):
    with np.load(io.BytesIO(dump_score(MODEL.score))) as file:
        fields = json.loads(file["head"].tobytes()) | changes
    return np.frombuffer(json.dumps(fields).encode(), dtype=np.uint8)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (b"", "damaged"),
        (changed(line=None), "lacks line"),
        (changed(head=head(format=2)), "has format 2"),
        (changed(head=head(features=[])), "other features"),
        (changed(lexicon=np.frombuffer(b"prove\thard", dtype=np.uint8)), "no readable lexicon"),
        (changed(grams_weights=np.full((3, 1), 1.0)), "grams_weights"),
        (changed(line=np.array([np.inf, 0.0])), "not finite"),
    ],
)
def test_a_bad_file_is_refused(content, said):
    with pytest.raises(ArtifactError, match=said):
        load_score(content)
