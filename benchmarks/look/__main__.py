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
from functools import partial
from pathlib import Path

from benchmarks.look.answers import FIT, FRESH, SEEN, answers
from benchmarks.look.kinds import kinds
from benchmarks.look.report import BUDGETS, Answers, rows, table
from demo.looking import generate_looks

SAMPLES = 2


def collect(labels: int, tests: int, tiers: Sequence[str], folder: Path | None) -> Answers:
    """All answers; half as many tests in seen wordings."""
    small = partial(answers, generate_looks, "small", samples=SAMPLES, folder=folder)
    higher = {tier: answers(generate_looks, tier, FRESH, tests, folder=folder) for tier in tiers}
    return Answers(
        small(FIT, labels),
        small(SEEN, tests // 2),
        small(FRESH, tests),
        {tier: [look.answered for look in looks] for tier, looks in higher.items()},
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--labels", type=int, default=1_000, help="tasks to fit on")
    parser.add_argument("--tests", type=int, default=1_000, help="tasks in fresh wordings, half as many in seen ones")
    parser.add_argument("--folder", type=Path, help="keeps the answers; empty it after a change of the models")
    parser.add_argument("--against", default="32 tokens", help="the look that the others are compared with")
    parser.add_argument("--json", type=Path, help="file for all numbers")
    parser.add_argument("--escalate", action="append", default=[], choices=list(BUDGETS), help="repeatable")
    arguments = parser.parse_args()
    known = list(kinds())
    if arguments.against not in [kind.name for kind in known]:
        parser.error(f"--against: invalid value {arguments.against!r}, use one of {', '.join(k.name for k in known)}")
    collected = collect(arguments.labels, arguments.tests, arguments.escalate, arguments.folder)
    found = list(rows(known, collected, arguments.against))
    for text in table(found):
        print(text, flush=True)
    if arguments.json:
        arguments.json.write_text(json.dumps([asdict(row) for row in found], indent=1) + "\n")


if __name__ == "__main__":
    main()
