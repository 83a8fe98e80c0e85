"""Answers of the demo models to look at: generated once, then read from a folder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter

from demo.looks import Look
from demo.tasks import Task, generate_tasks

LOOKS = TypeAdapter(list[Look])
Generate = Callable[[str, Sequence[Task], int], list[Look]]


@dataclass(frozen=True)
class TaskSet:
    """Demo tasks of one seed."""

    name: str
    seed: int
    fresh: bool
    """Whether the wordings are held out from the models' training."""

    def tasks(self, count: int) -> list[Task]:
        """The set's first tasks."""
        return generate_tasks(count, seed=self.seed, fresh=self.fresh)


FIT, SEEN, FRESH = TaskSet("fit", 61_001, False), TaskSet("seen", 61_002, False), TaskSet("fresh", 61_003, True)


def answers(
    generate: Generate, model: str, tasks: TaskSet, count: int, samples: int = 0, folder: Path | None = None
) -> list[Look]:
    """One model's answers to a task set; those in the folder are not generated again."""
    file = folder / f"{model}-{tasks.name}-{tasks.seed}-{count}-{samples}.json" if folder else None
    if file and file.exists():
        return LOOKS.validate_json(file.read_bytes())
    looks = generate(model, tasks.tasks(count), samples)
    if file:
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(LOOKS.dump_json(looks))
    return looks
