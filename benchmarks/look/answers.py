"""Answers of the demo models to look at: generated once, then read from a folder."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import TypeAdapter

from demo.looks import Look
from demo.tasks import Task, generate_tasks

LOOKS = TypeAdapter(list[Look])
PIECE = 100
"""Tasks in a file, so that a run that is stopped loses little."""
Generate = Callable[[str, Sequence[Task], int], list[Look]]


@dataclass(frozen=True)
class TaskSet:
    """Demo tasks of one seed."""

    seed: int
    fresh: bool
    """Whether the wordings are held out from the models' training."""

    def tasks(self, count: int) -> list[Task]:
        """The set's first tasks."""
        return generate_tasks(count, seed=self.seed, fresh=self.fresh)


FIT, SEEN, FRESH = TaskSet(61_001, False), TaskSet(61_002, False), TaskSet(61_003, True)


def answers(
    generate: Generate, model: str, tasks: TaskSet, count: int, samples: int = 0, folder: Path | None = None
) -> list[Look]:
    """One model's answers to a task set. They are kept in the folder by PIECE tasks, and not generated again."""
    wanted = tasks.tasks(count)
    looks: list[Look] = []
    for start in range(0, count, PIECE):
        piece = wanted[start : start + PIECE]
        file = folder / f"{model}-{tasks.seed}-{samples}-{start}-{len(piece)}.json" if folder else None
        looks += _kept(file) or generate(model, piece, samples)
        if file and not file.exists():
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_bytes(LOOKS.dump_json(looks[start:]))
    return looks


def _kept(file: Path | None) -> list[Look]:
    return LOOKS.validate_json(file.read_bytes()) if file and file.exists() else []
