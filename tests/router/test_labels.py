"""Labels keep what a model reads of a request, no text, and survive a file; anything else is refused."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.confidence.calibration import Graded
from router.labels import BadLabel, as_line, label_of, normalised, read_label
from router.model.learned import view
from router.types import RoutingRequest

EXPECTED = {"small": 0.25, "moe": 0.5, "large": 0.75}


def label(text="Which colour is house 7?", **changes):
    given = {"quality": {"small": 0.0, "large": 1.0}, "output_tokens": {"small": 3.0}, "at_s": 12.0} | changes
    return label_of(RoutingRequest(text, prompt_tokens=9), EXPECTED, source=given.pop("source", "comparison"), **given)


@given(st.text(st.characters(), max_size=300))
def test_a_label_survives_its_line(text):
    written = json.dumps(as_line(label(text)))
    again = read_label(json.loads(written))
    seen = view(RoutingRequest(text, prompt_tokens=9))
    assert np.allclose(again.seen.features, seen.features, atol=1e-5)
    assert again.seen.words.buckets.tolist() == seen.words.buckets.tolist()
    assert again.seen.tokens.tolist() == seen.tokens.tolist()
    assert (again.quality, again.output_tokens, again.expected) == (
        {"small": 0.0, "large": 1.0},
        {"small": 3.0},
        EXPECTED,
    )


@pytest.mark.parametrize("judged", [None, Graded("small", 0.75, 1.0)])
def test_the_confidence_of_an_answer_survives_its_line(judged):
    assert read_label(json.loads(json.dumps(as_line(replace(label(), judged=judged))))).judged == judged


def test_labels_of_earlier_releases_have_no_confidence():
    line = as_line(label())
    del line["judged"]
    assert read_label(line).judged is None


def test_no_text_is_kept():
    written = json.dumps(as_line(label("My password is hunter2", source="feedback", owner="team-a")))
    assert "hunter2" not in written
    assert "password" not in written


def test_equal_questions_are_known_as_equal():
    assert label("What is 7 + 5?").question == label("what is 7 + 5").question != label("What is 7 + 6?").question
    assert normalised("What is  7?") == "what is 7"


@pytest.mark.parametrize(
    "change",
    [
        {"source": "rumour"},
        {"features": [1.0]},
        {"features": ["x"] * 99},
        {"buckets": [-1], "counts": [1]},
        {"buckets": [10**9], "counts": [1]},
        {"buckets": [1], "counts": [0]},
        {"buckets": [1, 2], "counts": [1]},
        {"tokens": [2**40]},
        {"tokens": None},
        {"quality": {"small": 2}},
        {"quality": {"tiny": 1}},
        {"quality": [1]},
        {"expected": {"small": float("nan")}},
        {"at_s": None},
        {"log_characters": "much"},
        {"judged": {"pool": "small", "confidence": 2, "good": 1}},
        {"judged": {"pool": "small"}},
    ],
)
def test_what_is_no_label_is_refused(change):
    with pytest.raises(BadLabel, match="is not a label"):
        read_label(as_line(label()) | change)


@pytest.mark.parametrize("row", [None, [], "text", 7, {}])
def test_other_json_is_refused(row):
    with pytest.raises(BadLabel):
        read_label(row)
