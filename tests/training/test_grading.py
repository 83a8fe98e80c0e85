"""Grades: what counts as the answer, references that cannot be met, and what a judge said."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from demo.prompts import grade_of
from demo.tasks import generate_tasks
from demo.tasks import grade as demo_grade
from training.grading import BadReference, check_reference, grade, judge_prompt, judged


@pytest.mark.parametrize(
    ("kind", "reference", "answer", "right"),
    [
        ("exact", "Paris", ' "paris." ', True),
        ("exact", "New  York", "new york!", True),
        ("exact", "Paris", "Paris, France", False),
        ("exact", "Paris", "", False),
        ("regex", r"\bpar[ai]s\b", "in paris it is", True),
        ("regex", r"^Paris$", "in Paris", False),
        ("numeric", "18", "2 * 9 = 18", True),
        ("numeric", "1250.5", "The answer is $1,250.50.", True),
        ("numeric", "#### 1,250", "1250", True),
        ("numeric", "-4", "5 - 9 = -4", True),
        ("numeric", "10", "somewhere in 5-10", True),
        ("numeric", "18", "18 or 19", False),
        ("numeric", "18", "none", False),
        ("numbers", "1, 2, 3", "sorted:\n1 2, 3", True),
        ("numbers", "1, 2, 3", "1,2,3", True),
        ("numbers", "100, 200", "100,200", True),
        ("numbers", "1, 2, 3", "1, 2", False),
        ("numbers", "1, 2, 3", "", False),
    ],
)
def test_what_counts_as_the_answer(kind, reference, answer, right):
    check_reference(kind, reference)
    assert grade(kind, reference, answer) == float(right)


@pytest.mark.parametrize(
    ("kind", "reference", "said"),
    [("regex", "(", "expression"), ("numeric", "ten", "number"), ("numbers", "", "number"), ("exact", ' ". ', "word")],
)
def test_references_no_answer_could_meet_are_refused(kind, reference, said):
    with pytest.raises(BadReference, match=said):
        check_reference(kind, reference)


def test_demo_tasks_are_graded_as_the_demo_grades_them():
    tasks = generate_tasks(600, seed=17, fresh=None)
    for task, other in pairwise(tasks):
        for reply in (task.response, task.answer, other.response):
            assert grade(grade_of(task), task.answer, reply) == float(demo_grade(task, reply)), (task, reply)


@given(st.sampled_from(["exact", "numeric", "numbers"]), st.text(), st.text())
def test_grades_are_0_or_1_on_any_text(kind, reference, answer):
    assert grade(kind, reference, answer) in (0.0, 1.0)


@pytest.mark.parametrize(
    ("reply", "quality"),
    [
        ("It is right.\nScore: 10", 1.0),
        ("**Score:** 7/10", 0.7),
        ("score = 3.5.", 0.35),
        ("Score: 2 at first, then\nScore: 8", 0.8),
        ("Score: 100", None),
        ("Score: 85", None),
        ("Score: -3", None),
        ("Score: many", None),
        ("I cannot say.", None),
        ("", None),
    ],
)
def test_a_judges_reply(reply, quality):
    assert judged(reply) == quality


def test_a_judge_sees_question_answer_and_reference_within_bounds():
    prompt = judge_prompt("What?" * 9_000, "That", "This")
    assert len(prompt) < 10_000
    assert "[Reference answer]\nThis" in prompt
    assert "Reference" not in judge_prompt("What?", "That", None)
