"""Public questions become prompts whose grades accept right answers and refuse wrong ones."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from demo.chat import public_prompts as public
from training.collect.prompt import prompt_from
from training.grading import grade

FILES = {
    "grade-school-math/grade_school_math/data/test.jsonl": {
        "question": "Two boxes hold 640 pens each. How many pens?",
        "answer": "640 * 2 = <<640*2=1280>>1280\n#### 1,280",
    },
    "cruxeval/data/cruxeval.jsonl": {"code": "def f(a):\n    return [a, '?']", "input": "5", "output": "[5, '?']"},
    "natural-questions/nq_open/NQ-open.dev.jsonl": {"question": "who wrote emma", "answer": ["Jane Austen", "Austen"]},
    "SVAMP/SVAMP.json": [{"Body": "Ann had 5 dvds and sold 3", "Question": "How many are left?", "Answer": 2.0}],
    "BIG-Bench-Hard/bbh/dates.json": {"examples": [{"input": "Today?\nOptions:\n(A) 1\n(B) 2", "target": "(B)"}]},
    "BIG-Bench-Hard/bbh/sums.json": {"examples": [{"input": "(1 - 4) =", "target": "-3"}]},
    "BIG-Bench-Hard/bbh/truth.json": {"examples": [{"input": "not True is", "target": "False"}]},
    "BIG-Bench-Hard/bbh/word_sorting.json": {"examples": [{"input": "Sort: b a", "target": "a b"}]},
}


@pytest.fixture
def clones(tmp_path: Path) -> Path:
    for name, content in FILES.items():
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text(json.dumps(content))
    return tmp_path


@pytest.mark.parametrize(
    ("kind", "right", "wrong"),
    [
        (public.grade_school, ("640 * 2 = 1280", "It is 1,280."), ("640", "")),
        (public.word_problems, ("2", "There are 2 left."), ("3", "5 - 3")),
        (public.facts, ("Jane Austen.", "It was austen"), ("Emma", "Austentatious")),
        (public.code, ("[5, '?']", "```python\n[5, '?']\n```", "f(5) == [5, '?']"), ("[5]", "not [5, '?'] but 5")),
    ],
)
def test_each_kind_is_graded(
    kind: Callable[[Path], Iterator[public.Row]], right: tuple[str, ...], wrong: tuple[str, ...], clones: Path
) -> None:
    (row,) = kind(clones)
    assert_graded(row, right, wrong)


@pytest.mark.parametrize(
    ("group", "right", "wrong"),
    [
        ("dates", ("B", "(B) 2", "The correct answer is (B)."), ("A", "(A) or (B)", "Both", "Because")),
        ("sums", ("-3", "(1 - 4) = -3"), ("3",)),
        ("truth", ("False", "false.", "Answer: False, because"), ("True", "It is not False", "Falsehood")),
    ],
)
def test_choices_words_and_numbers_are_graded(
    group: str, right: tuple[str, ...], wrong: tuple[str, ...], clones: Path
) -> None:
    (row,) = (row for row in public.reasoning(clones) if row["group"] == group)
    assert_graded(row, right, wrong)


def assert_graded(row: public.Row, right: tuple[str, ...], wrong: tuple[str, ...]) -> None:
    prompt = prompt_from(dict(row), None)
    assert prompt.reference is not None
    for answers, mark in ((right, 1.0), (wrong, 0.0)):
        for answer in answers:
            assert grade(prompt.kind, prompt.reference, answer) == mark, answer


def test_all_kinds_are_in_the_file_and_long_answers_are_not(clones: Path) -> None:
    rows = public.public_prompts(clones, seed=1)
    assert {row["group"] for row in rows} == {"maths", "word problems", "facts", "code", "dates", "sums", "truth"}
    assert rows == public.public_prompts(clones, seed=1)
    assert all(row["max_tokens"] for row in rows)
