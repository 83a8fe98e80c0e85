"""A judge's verdict counts only if it is readable and the same in both orders."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.confidence.pairwise import READ_CHARS, as_good, better, pair_prompt


@pytest.mark.parametrize(
    ("reply", "verdict"),
    [
        ("first", "first"),
        ("**Second**.", "second"),
        ("They are EQUAL", "equal"),
        ("the first is better than the second", None),
        ("", None),
        ("firstly, hm", None),
        ("A", None),
    ],
)
def test_a_verdict_is_one_word(reply, verdict):
    assert better(reply) == verdict


@pytest.mark.parametrize(
    ("straight", "swapped", "good"),
    [
        ("first", "second", True),
        ("equal", "equal", True),
        ("equal", "second", True),
        ("second", "first", False),
        ("first", "first", None),  # it prefers what it reads first
        ("second", "second", None),
        ("second", "equal", None),
        (None, "second", None),
        ("first", None, None),
    ],
)
def test_both_orders_have_to_agree(straight, swapped, good):
    assert as_good(straight, swapped) is good


@given(st.text(), st.text(), st.text())
def test_a_prompt_is_bounded_and_holds_the_texts_in_order(question, first, second):
    prompt = pair_prompt(question, first, second)
    assert len(prompt) < 3 * READ_CHARS + 1_000
    assert prompt.index("[First answer]") < prompt.index("[Second answer]") or "[Second answer]" in question + first
