"""What is the cheapest look that tells whether the small demo model's answer is good?

    python -m benchmarks.look --folder ANSWERS --escalate moe --json look.json

The demo's models answer graded tasks on CPU. Each look gets a logistic head, fitted on tasks in seen wordings and
tested on fresh ones. With --escalate, the answers with the lowest confidence go to the next tier, at a fixed cost.
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from benchmarks.look.answers import FIT, FRESH, SEEN, TaskSet, answers
from benchmarks.look.kinds import kinds
from benchmarks.look.report import BUDGETS, Answers, rows, table
from demo.looking import generate_looks
from demo.looks import Look

SAMPLES = 2


def collect(count: int, tiers: Sequence[str], folder: Path | None) -> Answers:
    """All answers; half as many tasks in seen wordings are tested."""

    def small(tasks: TaskSet, number: int) -> list[Look]:
        return answers(generate_looks, "small", tasks, number, SAMPLES, folder)

    higher = {tier: answers(generate_looks, tier, FRESH, count, folder=folder) for tier in tiers}
    return Answers(
        small(FIT, count),
        small(SEEN, count // 2),
        small(FRESH, count),
        {tier: [look.answered for look in looks] for tier, looks in higher.items()},
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--tasks", type=int, default=1_000, help="tasks to fit on, and to test on")
    parser.add_argument("--folder", type=Path, help="keeps the answers; empty it after a change of the models")
    parser.add_argument("--against", default="32 tokens", help="the look that the others are compared with")
    parser.add_argument("--json", type=Path, help="file for all numbers")
    parser.add_argument("--escalate", action="append", default=[], choices=list(BUDGETS), help="repeatable")
    arguments = parser.parse_args()
    known = list(kinds())
    if arguments.against not in [kind.name for kind in known]:
        parser.error(f"--against: invalid value {arguments.against!r}, use one of {', '.join(k.name for k in known)}")
    found = list(rows(known, collect(arguments.tasks, arguments.escalate, arguments.folder), arguments.against))
    for text in table(found):
        print(text, flush=True)
    if arguments.json:
        arguments.json.write_text(json.dumps([asdict(row) for row in found], indent=1) + "\n")


if __name__ == "__main__":
    main()
