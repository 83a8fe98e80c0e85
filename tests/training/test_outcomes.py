"""Outcome lines: what is read, what is passed over, and what is said of a wrong line."""

from __future__ import annotations

import json
from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.types import RoutingRequest
from training.outcomes import BadOutcome, read_outcomes

TIERS = {"tiny": "small", "gpt-4": "large"}


def read_one(**row: object):
    (outcome,) = read_outcomes([json.dumps({"query": "q", "quality": {"tiny": 1}} | row)], "a.jsonl", TIERS)
    return outcome


def test_a_whole_line():
    outcome = read_one(
        query="2 + 2?",
        group="sums",
        quality={"tiny": 0, "gpt-4": 0.5, "other": 1},
        output_tokens={"tiny": 3, "gpt-4": 7.5},
        answer={"gpt-4": "4"},
        system="Be brief.",
        turns=3,
        tools=2,
        max_tokens=50,
        prompt_tokens=11,
        source="feedback",
    )
    assert outcome.request == RoutingRequest("2 + 2?", "Be brief.", 3, 11, 50, tools=2)
    assert outcome.group == "sums"
    assert outcome.quality == {"small": 0, "large": 0.5}
    assert outcome.output_tokens == {"small": 3, "large": 7.5}
    assert outcome.answer == {"large": "4"}


def test_what_is_left_out_is_as_usual():
    outcome = read_one(query="x" * 40)
    assert outcome.request == RoutingRequest("x" * 40, prompt_tokens=10)
    assert (outcome.group, outcome.output_tokens, outcome.answer) == ("", {}, {})


def test_no_limit_of_tokens_is_none():
    assert read_one(max_tokens=0).request.max_tokens is None


@pytest.mark.parametrize("line", ["", "  ", "\r", '{"query": "q"}', '{"query": "q", "quality": {"other": 1}}'])
def test_lines_that_say_nothing_are_passed_over(line):
    known = '{"query": "known", "quality": {"tiny": 1}}'
    assert [outcome.request.text for outcome in read_outcomes([line, known, line], "a", TIERS)] == ["known"]


HUGE = 10**400
WRONG = [
    ("{", "is not JSON: write one object per line"),
    ('{"query": "q"} {}', "is not JSON"),
    ("[" * 100_000, "is not JSON"),
    ("9" * 5_000, "is not JSON"),
    ("[]", 'is not a JSON object: use {"query": ..., "quality": ...}'),
    ('"query"', "is not a JSON object"),
    ({"query": None}, "query is missing or null, use text"),
    ({"query": 7}, "query is 7, use text"),
    ({"query": ["x" * 500]}, "use text"),
    ({"group": 7}, "group is 7, use text"),
    ({"system": None}, "system is missing or null, use text"),
    ({"quality": 1}, "quality is 1, use an object with a value for each model"),
    ({"quality": {"tiny": 1.01}}, "quality.tiny is 1.01, use a number from 0 to 1"),
    ({"quality": {"tiny": -0.1}}, "quality.tiny is -0.1, use a number from 0 to 1"),
    ({"quality": {"tiny": True}}, "quality.tiny is True, use a number from 0 to 1"),
    ({"quality": {"tiny": "1"}}, "quality.tiny is '1', use a number from 0 to 1"),
    ({"quality": {"tiny": None}}, "quality.tiny is missing or null"),
    ({"quality": {"tiny": float("nan")}}, "quality.tiny is nan"),
    ({"quality": {"tiny": HUGE}}, "quality.tiny is 1000"),
    ({"quality": {"other": 7}}, "quality.other is 7"),
    ({"output_tokens": {"tiny": -1}}, "output_tokens.tiny is -1, use a number >= 0"),
    ({"output_tokens": {"tiny": float("inf")}}, "output_tokens.tiny is inf, use a number >= 0"),
    ({"output_tokens": {"tiny": HUGE}}, "output_tokens.tiny is 1000"),
    ({"output_tokens": []}, "output_tokens is [], use an object"),
    ({"answer": {"tiny": 4}}, "answer.tiny is 4, use text"),
    ({"answer": "4"}, "answer is '4', use an object"),
    ({"turns": -1}, "turns is -1, use an integer >= 0"),
    ({"tools": 1.5}, "tools is 1.5, use an integer >= 0"),
    ({"tools": HUGE}, "tools is 1000"),
    ({"max_tokens": "9"}, "max_tokens is '9', use an integer >= 0"),
    ({"max_tokens": None}, "max_tokens is missing or null, use an integer >= 0"),
    ({"max_tokens": HUGE}, "max_tokens is 1000"),
    ({"prompt_tokens": True}, "prompt_tokens is True, use an integer >= 0"),
]


@pytest.mark.parametrize(("line", "said"), WRONG, ids=[said for _, said in WRONG])
def test_a_wrong_line_is_named_with_its_field(line, said):
    good = {"query": "q", "quality": {"tiny": 1}}
    bad = line if isinstance(line, str) else json.dumps(good | line)
    with pytest.raises(BadOutcome) as caught:
        read_outcomes([json.dumps(good), "", bad], "a.jsonl", TIERS)
    assert str(caught.value).startswith("a.jsonl:3: ")
    assert said in str(caught.value)
    assert len(str(caught.value)) < 250


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["tiny", "gpt-4", "x"]), inner),
    max_leaves=5,
)
FIELDS = ("query", "group", "quality", "output_tokens", "answer", "system", "turns", "tools", "max_tokens")


@given(st.dictionaries(st.sampled_from(FIELDS), JSON) | JSON)
def test_any_json_is_read_or_refused(row):
    with suppress(BadOutcome):
        for outcome in read_outcomes([json.dumps(row)], "a", TIERS):
            assert all(0 <= value <= 1 for value in outcome.quality.values())
