"""Final answers that can be compared."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.confidence.final_answer import final_answer


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("7 + 5 = 12", "12"),
        ("5 * 2 = 10\n35 - 10 = 25\nAnswer: 25", "25"),
        ("She makes $1,250.50 a day.", "1250.5"),
        ("#### 42", "42"),
        ("so 3 * 6 = 18\n#### $18.00\n", "18"),
        (r"Thus \boxed{\frac{1}{2}} holds for 3 of 4.", r"\frac{1}{2}"),
        (r"\boxed{7}, no: \boxed{8}", "8"),
        ('{"reasoning": "9 * 2 = 18", "answer": "18 dollars"}', "18"),
        ('```json\n{"answer": -3.50, "sure": 1}\n```', "-3.5"),
        ('{"answer": "  The Blue  Whale. "}', "the blue whale"),
        ("B", "B"),
        ("(c)", "C"),
        ("I compared all four.\n\n**B**", "B"),
        ("The answer is (D).", "D"),
        ("Answer: a", "A"),
        ("A cat has 4 legs", "4"),
        ("It costs 0.0", "0"),
        ("13, 21, 25.", "13, 21, 25"),
        ("Sorted:\n3 1; 2", "3, 1, 2"),
        ("Between 3 and 4", "4"),
        (" 'Paris'. ", "paris"),
        ("That is a question which nobody can answer.", None),
        ("12 apples\nThat is all.", None),
        ("", None),
        ("...", None),
    ],
)
def test_the_final_answer(text, expected):
    assert final_answer(text) == expected


@settings(deadline=None)
@given(st.text(max_size=300) | st.text(alphabet='#\\boxed{}"answer:1,.-A ', max_size=300))
def test_any_text_has_one_or_none(text):
    answer = final_answer(text)
    assert answer is None or answer


def test_long_hostile_texts_are_cheap():
    for piece in ('"answer": "', "\\boxed{{", "#### ", "1,", "answer is ", "9", "1, "):
        final_answer(piece * 50_000)
