"""Outcome files made up for tests: the more numbers a query lists, the rather only dearer models get it right."""

from __future__ import annotations

import gzip
import json
import random
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

ABILITY = {"small": 4, "moe": 7, "large": 13}
"""Numbers that a tier can still add."""
WORDS = ("coins", "apples", "miles", "tickets")


def outcome_rows(
    count: int,
    models: Sequence[str] = ("small", "moe", "large"),
    seed: int = 0,
    tokens: bool = False,
    answers: bool = False,
) -> list[dict[str, Any]]:
    """Rows whose groups are four kinds of things to add; models are named by their tier, or TIER=NAME."""
    draw, rows = random.Random(seed), []
    named = [model.partition("=")[::2] for model in models]
    for number in range(count):
        length, word = draw.randint(1, 12), draw.choice(WORDS)
        listed = ", ".join(str(draw.randint(1, 99)) for _ in range(length))
        right = {name or tier: float(ABILITY[tier] + draw.gauss(0, 1.5) > length) for tier, name in named}
        row = {"query": f"Day {number}: add up these {word}: {listed}.", "group": word, "quality": right}
        if tokens:
            row["output_tokens"] = dict.fromkeys(right, 20.0 + 3 * length)
        if answers:
            row["answer"] = {name: "The sum is 7." if value else "Sorry, I cannot." for name, value in right.items()}
        rows.append(row)
    return rows


def write_outcomes(path: Path, rows: Iterable[dict[str, Any]]) -> Path:
    """Write rows as JSON lines, gzipped where the path says so."""
    data = "".join(json.dumps(row) + "\n" for row in rows).encode()
    path.write_bytes(gzip.compress(data) if path.suffix == ".gz" else data)
    return path
