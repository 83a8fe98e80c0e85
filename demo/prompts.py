"""Writes demo tasks as prompts for `signalbox collect`: `python -m demo.prompts --count 600 --seed 5 -o FILE.jsonl`."""

import argparse
import json
import sys
from pathlib import Path

from demo.tasks import SORTING, Task, generate_tasks


def as_prompt(task: Task) -> dict[str, str]:
    """A line of a prompts file: the query, its answer, how to grade it, and the kind of task as its group."""
    return {"query": task.prompt, "answer": task.answer, "grade": grade_of(task), "group": task.kind}


def grade_of(task: Task) -> str:
    """How to grade answers to a task: all numbers of a sorting task, the last number, or the words."""
    if task.kind in SORTING:
        return "numbers"
    return "numeric" if task.answer.isdigit() and task.kind != "copy" else "exact"


def main() -> None:
    """Write the prompts file."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--count", type=int, default=600, help="number of prompts, spread evenly over the levels")
    parser.add_argument("--seed", type=int, default=5, help="random seed")
    parser.add_argument(
        "--fresh", action="store_true", help="use held-out wordings, for measuring but never for training"
    )
    parser.add_argument("--noise", type=float, default=0.0, help="share of prompts with nonsense words, 0..1")
    parser.add_argument("-o", "--output", type=Path, required=True, help="file to write")
    arguments = parser.parse_args()
    tasks = generate_tasks(arguments.count, seed=arguments.seed, fresh=arguments.fresh, noise=arguments.noise)
    lines = [json.dumps(as_prompt(task), ensure_ascii=False) + "\n" for task in tasks]
    try:
        arguments.output.write_text("".join(lines), encoding="utf-8")
    except OSError as error:
        sys.exit(f"{arguments.output}: cannot be written ({error.strerror}), use the path of a file")


if __name__ == "__main__":
    main()
