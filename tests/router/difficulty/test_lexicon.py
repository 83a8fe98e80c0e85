"""Terms are found in any script, the longest first, and each word counts once."""

from __future__ import annotations

import pytest

from router.difficulty.lexicon import NAMES, UNKNOWN, lexicon_lines, parse_lexicon
from router.difficulty.wording import words_of

LEXICON = parse_lexicon(
    "prove\t8|capital\t0|race_condition\t9|race\t2|what_is\t0|optimi*\t6|optimist\t2|线程安全\t8|线程\t6|स्थिति\t4"
    "|เฉพาะ\t6".split("|")
)


@pytest.mark.parametrize(
    ("text", "digits"),
    [
        ("Prove it.", [8]),
        ("what is the capital", [0, 0]),
        ("find the race condition", [9]),
        ("who won the race", [2]),
        ("OPTIMISING a query", [6]),
        ("an optimist", [2]),
        ("写一个线程安全的队列", [8]),
        ("用python写线程", [6]),
        ("मेरी स्थिति", [4]),
        ("แสดงว่าจำนวนเฉพาะมีอนันต์", [6]),
        ("optim", []),
        ("", []),
    ],
)
def test_terms_are_found(text, digits):
    assert LEXICON.digits(words_of(text)) == digits


def test_a_term_of_two_languages_has_their_mean():
    assert parse_lexicon(["die\t0", "die\t4"]).terms == {"die": 2.0}


def test_lines_come_back():
    assert parse_lexicon(lexicon_lines(LEXICON)) == LEXICON


@pytest.mark.parametrize("line", ["prove", "prove\thard", "ab*\t3"])
def test_a_line_that_is_no_term_is_refused(line):
    with pytest.raises(ValueError, match=r"float|stem ab"):
        parse_lexicon([line])


def test_a_request_without_terms_is_neither_easy_nor_hard():
    assert dict(zip(NAMES, LEXICON.features([]), strict=True)) == {
        **dict.fromkeys(NAMES[:3], 0.0),
        **dict.fromkeys(NAMES[3:], UNKNOWN),
    }
