"""Taking a text apart: worked examples, answer options, words and numbers; any text, in linear time."""

from __future__ import annotations

import math
import time

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from router.model.reading import MAX_NUMBER, READ_CHARS, read

ANY_TEXT = st.text(max_size=400) | st.text(st.characters(exclude_categories=[]), max_size=200)
"""With lone surrogates and control characters."""


@pytest.mark.parametrize(
    ("text", "query", "shots"),
    [
        ("What is 2 + 2?", "What is 2 + 2?", 0),
        ("Q: one?\nA: 1\nQ: two?", "Q: two?", 1),
        ("Question: a\nAnswer: b\n\n## Question: c\nAnswer: d\n\nquestion: e\nAnswer:", "question: e\nAnswer:", 2),
        ("Example 1:\nx\nExample 2:\ny\nExample 3:\nz", "Example 3:\nz", 2),
        ("Problem\nfirst\nProblem\nsecond", "Problem\nsecond", 1),
        ("User: hello\nand nothing else\nof that kind", "User: hello\nand nothing else\nof that kind", 0),
        ("Questions: a\nQuestions: b\nQuestions: c", "Questions: a\nQuestions: b\nQuestions: c", 0),
        ("Q: a\nQ: b", "Q: a\nQ: b", 0),  # two lines are no examples with answers
    ],
)
def test_worked_examples_are_left_out(text, query, shots):
    found = read(text)
    assert (found.text, found.shots) == (query, shots)


STATEMENT = "Problem: count the trees with n nodes of degree at most m."


@pytest.mark.parametrize(
    ("text", "query", "shots"),
    [
        ("Q: a\nA: 1\nQ: b\nA: Let's think step by step.", "Q: b\nA: Let's think step by step.", 1),
        ("Q: a\nA. x\nB. y\nAnswer: A\nQ: b\nA. x\nB. y\nAnswer:", "Q: b\nA. x\nB. y\nAnswer:", 1),
        ("Example 1: a is 1\nExample 2: b is 2\nExample 3: c is", "Example 3: c is", 2),
        ("User: hi\nAssistant: hello\nUser: why?\nAssistant:", "User: why?\nAssistant:", 1),
        ("Task: name the mood.\n\nInput: great\nOutput: good\n\nInput: bad\nOutput:",
         "Task: name the mood.\n\nInput: bad\nOutput:", 1),
        ("Example 1:\nInput: a\nOutput: b\nExample 2:\nInput: c\nOutput:", "Input: c\nOutput:", 1),
    ],
)  # fmt: skip
def test_only_the_last_of_repeated_blocks_is_open(text, query, shots):
    found = read(text)
    assert (found.text, found.shots) == (query, shots)


@pytest.mark.parametrize(
    "text",
    [
        f"{STATEMENT}\n\nInput: n, m (1 <= n <= 10^5)\n\nOutput: the number modulo 998244353",
        f"{STATEMENT}\n\nInput: 1 2\nOutput: 3\n\nInput: 4 5\nOutput: 6",
        f"{STATEMENT}\n\nExample 1:\nInput: 1 2\nOutput: 3\n\nExample 2:\nInput: 4 5\nOutput: 6",
        "Count the trees.\n\nExample 1: n = 3 gives 2\nExample 2: n = 4 gives 5",
        "Count the trees.\n\nExample 1:\nn = 3 gives 2\nExample 2:\nn = 4 gives 5",
        "Q: a\nA: 1\nQ: b\nA: 2\n\nNow write a compiler that answers such questions.",
        "Q: a\nA: 1\nTask: prove it\nQ: b\nA:",
        "Q: prove a\nQ: prove b\nQ: prove c",
        "Task: prove a.\nDetails of a\nTask: prove b.\nDetails of b",
        "User: my parser fails\nTask: find the fault\nExample: 1 + (2",
        "Question: who?\nProblem: which?\nTask: both",
    ],
)
def test_headings_never_hide_a_query(text):
    found = read(text)
    assert (found.text, found.shots) == (text, 0)


@pytest.mark.parametrize(
    ("text", "stem", "options"),
    [
        ("Which?\nA. red\nB. blue", "Which?", ("red", "blue")),
        ("Which?\n(A) red\n  (B)  blue\n(C) grey", "Which?", ("red", "blue", "grey")),
        ("Which?\nA: red\nB) blue", "Which?", ("red", "blue")),
        ("Which?\nA. red", "Which?\nA. red", ()),
        ("Which?\nA.\nB.", "Which?\nA.\nB.", ()),
        ("Which?\na. red\nb. blue", "Which?\na. red\nb. blue", ()),
        ("A. red\nB. blue", "", ("red", "blue")),
    ],
)
def test_answer_options(text, stem, options):
    found = read(text)
    assert (found.stem, found.options) == (stem, options)


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("no", ()),
        ("1,250.50 and 3", (1250.5, 3)),
        ("1,2,3", (1, 2, 3)),
        ("007", (7,)),
        ("9" * 14, (MAX_NUMBER,)),
        ("1" + ",000" * 200, (MAX_NUMBER,)),
        ("٣", (3,)),
        ("²", ()),
    ],
)
def test_numbers(text, numbers):
    assert read(text).numbers == numbers


def test_words_and_marks():
    found = read("Is NASA in Köln, or 東京? x_1 I")
    assert found.tokens == ("is", "nasa", "in", "köln", ",", "or", "東京", "?", "x", "_", "1", "i")
    assert found.words == ("is", "nasa", "in", "köln", "or", "東京", "x", "i")
    assert found.names == ("Is", "Köln", "I")
    assert found.capitals == 1
    assert found.counts["is"] == 1


def test_of_a_long_query_beginning_and_end_are_read():
    found = read("begin " + "x" * 10 * READ_CHARS + " end")
    assert len(found.text) == READ_CHARS + 1
    assert (found.words[0], found.words[-1]) == ("begin", "end")


@given(ANY_TEXT)
def test_any_text_can_be_read(text):
    found = read(text)
    assert all(math.isfinite(number) and 0 <= number <= MAX_NUMBER for number in found.numbers)
    assert sum(found.counts.values()) == len(found.tokens)
    assert found == read(text)


HOSTILE = ["a", "1", "1,111", " ", "\t", "\n", "Q:\n", "A. x\n", "#", "Example ", "\x00", "\ud800", "Q" + " " * 99]


def cpu_s(text: str) -> float:
    """Least of a few runs: what else the machine does makes a run longer, never shorter."""
    runs = []
    for _ in range(3):
        before = time.process_time()
        read(text)
        runs.append(time.process_time() - before)
    return min(runs)


@pytest.mark.parametrize("unit", HOSTILE)
def test_reading_takes_linear_time(unit, monkeypatch):
    """Ten times the text, ten times the time; quadratic would be a hundred times."""
    monkeypatch.setattr("router.model.reading.READ_CHARS", 10_000_000)
    short, long = (unit * (size // len(unit)) for size in (10_000, 100_000))
    assert cpu_s(long) <= 40 * cpu_s(short) + 0.01


@settings(max_examples=10, deadline=None)
@given(st.lists(st.sampled_from(HOSTILE), min_size=2, max_size=5))
def test_hostile_mixtures_of_100_kb_are_read(units):
    unit = "".join(units)
    assert len(read(unit * (100_000 // len(unit))).text) <= READ_CHARS + 1
