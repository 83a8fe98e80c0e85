"""Features: what is counted, in several languages, and that no text makes counting slow or infinite."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.features import READ_CHARS, features
from router.types import RoutingRequest


@pytest.mark.parametrize(
    ("text", "name", "value"),
    [
        ("", "words", 0),
        ("two words", "words", 2),
        ("Grüße aus Köln", "words", 3),
        ("One. Two! Three?", "sentences", 3),
        ("Wait... what", "sentences", 1),
        ("一。二。", "sentences", 2),
        ("7 and 3.5 and twice 2", "numbers", 4),
        ("4, 2, 9", "listed_numbers", 3),
        ("4, 2, and 9", "listed_numbers", 3),
        ("4 2 9 und 1", "listed_numbers", 4),
        ("4、2、9", "listed_numbers", 3),
        ("4, 2", "listed_numbers", 0),
        ("7 + 5 - 3", "listed_numbers", 0),
        ("1, 2, 3 or rather 4, 5, 6, 7", "listed_numbers", 4),
        ("- a\n- b\n2. c", "listed_items", 3),
        ("7 + 5*2", "operators", 2),
        ("7 plus 5", "operators", 1),
        ("the difference between two things", "operators", 0),
        ("first do this, then that", "sequence_words", 2),
        ("然后每个", "sequence_words", 2),
        ("Who is it?", "question_words", 2),
        ("explain why", "reason_words", 2),
        ("how many are left", "reason_words", 0),
        ("为什么", "reason_words", 1),
        ("```python", "code_marks", 1),
        ("in C++ or SQL", "code_words", 2),
        ("copy this code", "code_words", 0),
        ("the square root", "math_marks", 1),
        ("in 300 words, or 20 words", "asked_words", 300),
    ],
)
def test_counted(text, name, value):
    assert features(RoutingRequest(text))[name] == value


def test_the_conversation_is_counted():
    request = RoutingRequest("x", system="abc", turns=4, max_tokens=9, needs=frozenset({"tools"}))
    found = features(request)
    assert [found[name] for name in ("system_characters", "turns", "max_tokens", "tools")] == [3, 4, 9, 1]


@given(text=st.text(max_size=500))
def test_every_text_has_the_same_finite_features(text):
    found = features(RoutingRequest(text))
    assert found.keys() == features(RoutingRequest("")).keys()
    assert all(math.isfinite(value) and value >= 0 for value in found.values())


PADDING = ["1", " ", "\n", ".", "1 ", "1 , ", "{ ", "1+", "- ", "a", "1.", "。", "\x00", "\ud800"]


@pytest.mark.parametrize("unit", PADDING)
@pytest.mark.parametrize("head", ["1", "{", "."])
def test_counting_takes_linear_time(head, unit, monkeypatch):
    """Without the cut after READ_CHARS, a pattern of quadratic time needs minutes here, a linear one a moment."""
    monkeypatch.setattr("router.features.READ_CHARS", 100_000)
    assert features(RoutingRequest(head + unit * (99_000 // len(unit)) + "x"))["characters"] > 90_000


def test_of_a_long_text_beginning_and_end_are_read():
    found = features(RoutingRequest("explain " + "x" * 10 * READ_CHARS + " prove"))
    assert (found["reason_words"], found["words"]) == (2, 4)
