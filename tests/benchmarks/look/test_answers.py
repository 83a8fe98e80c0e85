"""Generated answers are read from the folder the next time, and from there only if they are the same tasks."""

from __future__ import annotations

from benchmarks.look.answers import FRESH, PIECE, SEEN, answers
from demo.confidence_data import Answered
from demo.looks import Look, Sample


def generate(model, tasks, samples):
    answered = [Answered(task, f"{model} {task.answer}", True, 9, (-0.25,), (1.5,)) for task in tasks]
    return [Look(each, (0.125,), (Sample("12", (3, 4)),) * samples) for each in answered]


def refuse(*_arguments):
    raise AssertionError("generated again")


def test_answers_are_generated_once(tmp_path):
    made = answers(generate, "small", FRESH, 3, 2, tmp_path / "answers")
    assert [look.answered.task.fresh for look in made] == [True] * 3
    assert answers(refuse, "small", FRESH, 3, 2, tmp_path / "answers") == made


def test_other_models_tasks_and_samples_are_other_answers(tmp_path):
    made = answers(generate, "small", FRESH, 3, 2, tmp_path)
    assert answers(generate, "moe", FRESH, 3, 2, tmp_path) != made
    assert answers(generate, "small", SEEN, 3, 2, tmp_path) != made
    assert answers(generate, "small", FRESH, 4, 2, tmp_path) != made
    assert answers(generate, "small", FRESH, 3, 0, tmp_path) != made


def test_a_stopped_run_goes_on_where_it_stopped(tmp_path):
    first = answers(generate, "small", FRESH, PIECE, folder=tmp_path)
    asked = []

    def count(model, tasks, samples):
        asked.append(len(tasks))
        return generate(model, tasks, samples)

    assert answers(count, "small", FRESH, PIECE + 5, folder=tmp_path)[:PIECE] == first
    assert asked == [5]


def test_without_a_folder_nothing_is_kept():
    assert answers(generate, "small", FRESH, 2) == generate("small", FRESH.tasks(2), 0)
