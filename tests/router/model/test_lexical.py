"""Lexical features: what is counted, and that every text has the same finite ones, in every process."""

from __future__ import annotations

import json
import math
import os
import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from router.model.lexical import NAMES, WORD_GROUPS, lexical
from router.model.reading import read
from router.types import RoutingRequest


def counted(text: str, **request: object) -> dict[str, float]:
    asked = RoutingRequest(text, **request)
    return dict(zip(NAMES, lexical(asked, read(text)), strict=True))


@pytest.mark.parametrize(
    ("text", "name", "value"),
    [
        ("", "characters", 0),
        ("", "sentences", 1),
        ("abc", "characters", math.log1p(3)),
        ("One two. Three? Four", "sentences", 3),
        ("一。二。", "sentences", 3),
        ("a b a", "distinct words", 2 / 3),
        ("tremendous word", "long words", 1 / 2),
        ("tremendous word", "longest word", 10),
        ("x" * 500, "longest word", 30),
        ("Anna saw Bob. Anna left", "names", 2),
        ("the NASA", "upper-case words", 1),
        ("é", "bytes beyond ASCII", 1 / 2),
        ("plain", "bytes beyond ASCII", 0),
        ("Which?\nA. red\nB. 12", "options", 2),
        ("Which?\nA. red\nB. 12", "numeric options", 1 / 2),
        ("Which is red?\nA. red\nB. blue", "options repeat the stem", 0),  # `red?` is another word than `red`
        ("Which red one?\nA. red\nB. blue", "options repeat the stem", 1 / 2),
        ("Which?\nA. red\nB. blue", "longest option", math.log1p(4)),
        ("3, 3 and 250.5", "numbers", 3),
        ("3, 3 and 250.5", "distinct numbers", 2),
        ("3, 3 and 250.5", "numbers over 100", 1),
        ("3, 3 and 250.5", "fractional numbers", 1),
        ("3, 3 and 250.5", "numbers up to 3", 2),
        ("3, 3 and 250.5", "greatest number", math.log1p(250.5)),
        ("twice three hundred", "number words", 3),
        ("2 + 2 = 4", "operators", 2),
        ("One 1. How many are 22 of them?", "last sentence words", 6),
        ("One 1. How many are 22 of them?", "last sentence digits", 2),
        ("Each one, every day", "each, every, per", 2),
        ("why and how", "why, how", 2),
        ("a? b?", "mark ?", math.log1p(2)),
        ("?" * 3000, "mark ?", math.log1p(99)),
        ("Q: a\nA: b\nQ: c\nA: d\nQ: e", "worked examples", 2),
    ],
)
def test_counted(text, name, value):
    assert counted(text)[name] == pytest.approx(value)


def test_the_conversation_is_counted():
    found = counted("x", system="abc", turns=400, max_tokens=9, tools=2)
    names = ("system characters", "turns", "max tokens", "tools")
    assert [found[name] for name in names] == [math.log1p(3), 50, math.log1p(9), math.log1p(2)]


def test_names_are_told_once_each():
    assert len(set(NAMES)) == len(NAMES)
    assert set(WORD_GROUPS) <= set(NAMES)


@given(st.text(max_size=400) | st.text(st.characters(exclude_categories=[]), max_size=200))
def test_every_text_has_the_same_finite_features(text):
    found = lexical(RoutingRequest(text), read(text))
    assert len(found) == len(NAMES)
    assert all(math.isfinite(value) for value in found)


TEXTS = [
    "",
    "Anna has 3 apples, each twice as red.\nA. one\nB. two",
    "\ud800\x00",
    "warum? 東京。",
    "a b c d e f g " * 900,
]
PRINT_THEM = """
import json, sys
from router.model.learned import view
from router.model.lexical import NAMES
from router.types import RoutingRequest
seen = [view(RoutingRequest(text)) for text in json.load(sys.stdin)]
counts = [(each.words.buckets.tolist(), each.tokens.tolist()) for each in seen]
print(json.dumps([NAMES, [each.features.tolist() for each in seen], counts]))
"""


def test_another_process_sees_the_same():
    """Features, n-grams and vocabulary do not depend on how a process orders its sets or hashes its strings."""
    outputs = [
        subprocess.run(
            [sys.executable, "-c", PRINT_THEM],
            input=json.dumps(TEXTS),
            capture_output=True,
            text=True,
            check=True,
            env=os.environ | {"PYTHONHASHSEED": seed},
        ).stdout
        for seed in ("1", "2")
    ]
    assert outputs[0] == outputs[1]
    assert json.loads(outputs[0])[0] == list(NAMES)
