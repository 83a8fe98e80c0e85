"""Outcome lines say what is known, and the last feedback on a request counts."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster.pool import TIERS
from router.recording import latest_feedback, outcome_line
from router.types import RoutingRequest
from training.outcomes import read_outcomes

PLAIN = {tier: tier for tier in TIERS}


def feedback(request_id, at_s, score):
    row = {"query": "q", "quality": {"small": score}, "source": "feedback", "request_id": request_id, "at_s": at_s}
    return json.dumps(row)


def test_what_is_unknown_or_usual_is_left_out():
    assert outcome_line(RoutingRequest(text="hi")) == {"query": "hi"}
    assert outcome_line(RoutingRequest(text="hi"), quality={"small": 0.0}, group=None)["quality"] == {"small": 0.0}


@given(
    st.text(), st.text(), st.integers(1, 50), st.integers(0, 5), st.one_of(st.none(), st.integers(1, 9)),
    st.integers(1, 10**6), st.dictionaries(st.sampled_from(TIERS), st.floats(0, 1), min_size=1),
)  # fmt: skip
def test_what_is_written_is_read_again(text, system, turns, tools, max_tokens, prompt_tokens, quality):
    request = RoutingRequest(
        text=text, system=system, turns=turns, tools=tools, max_tokens=max_tokens, prompt_tokens=prompt_tokens
    )
    (outcome,) = read_outcomes([json.dumps(outcome_line(request, quality=quality, source="x"))], "file", PLAIN)
    assert (outcome.request, outcome.quality) == (request, quality)


@pytest.mark.parametrize(
    ("lines", "kept"),
    [
        ([], []),
        ([feedback("a", 1, 0), feedback("b", 1, 0)], [0, 1]),
        ([feedback("a", 1, 0), feedback("a", 2, 1)], [1]),
        ([feedback("a", 2, 0), feedback("a", 1, 1)], [0]),
        ([feedback("a", 1, 0), feedback("a", 3, 1), feedback("a", 2, 1)], [1]),
        ([feedback("a", 1, 0), "{", feedback("a", 1, 1), '{"query": "feedback"}', "[]"], [1, 2, 3, 4]),
        (['{"source": "feedback"}', '{"source": "feedback", "request_id": "a"}'], [0, 1]),
    ],
)
def test_the_last_feedback_on_a_request_counts(lines, kept):
    assert latest_feedback(lines) == [line if index in kept else "" for index, line in enumerate(lines)]
