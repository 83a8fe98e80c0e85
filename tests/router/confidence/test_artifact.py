"""Confidence files: what was written is read, what is wrong is named."""

from __future__ import annotations

import json
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.confidence.artifact import ConfidenceError, read_confidence, write_confidence
from router.confidence.judge import FEATURES, ConfidenceModel, Evidence, Logistic

MODEL = ConfidenceModel({"small": Logistic({"mean_logprob": 3.0, "finished": 0.5}, 1.25)}, 24)
GOOD = json.loads(write_confidence(MODEL, {"tasks": 10}))


def test_what_was_written_is_read():
    assert read_confidence(write_confidence(MODEL, {})) == MODEL


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"version": 2}, "version"),
        ({"format": "other"}, "format"),
        ({"hold_tokens": 0}, "hold_tokens"),
        ({"tiers": {}}, "tiers"),
        ({"tiers": {"large": GOOD["tiers"]["small"]}}, "large"),
        ({"tiers": {"small": {"intercept": 0, "weights": {"luck": 1}}}}, "luck"),
        ({"tiers": {"small": {"intercept": 0, "weights": {"finished": "much"}}}}, "finished"),
        ({"tiers": {"small": {"intercept": 1e99, "weights": {}}}}, "intercept"),
        ({"more": 1}, "more"),
    ],
)
def test_wrong_fields_are_named(change, message):
    with pytest.raises(ConfidenceError, match=message):
        read_confidence(json.dumps(GOOD | change).encode())


@pytest.mark.parametrize("data", [b"", b"{", b"\xff\xfe", b"[]", b"null", b"[" * 9000, b"x" * 1_000_001])
def test_other_files_are_refused(data):
    with pytest.raises(ConfidenceError):
        read_confidence(data)


@settings(deadline=None)
@given(st.binary(max_size=200) | st.integers(0, 400).map(lambda cut: write_confidence(MODEL, {})[:cut]))
def test_no_bytes_raise_anything_else(data):
    with suppress(ConfidenceError):
        read_confidence(data)


def test_every_feature_may_have_a_coefficient():
    model = ConfidenceModel({"moe": Logistic(dict.fromkeys(FEATURES, 1.0))}, 8)
    assert 0 < read_confidence(write_confidence(model, {})).probability("moe", Evidence((-0.1,), (2.0,))) < 1
