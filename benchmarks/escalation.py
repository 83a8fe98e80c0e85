"""Agreement of two cheap models against asking the large one, on graded answers of real models.

    python benchmarks/escalation.py DATA.jsonl[.gz] --tier small=llama-3-8b --tier moe=mixtral-8x7b \\
        --tier large=llama-3-70b

DATA has a JSON object a line: query, quality and output_tokens by model, and the models' answer texts. Costs are output
tokens times a price per tier; ratios to the large tier alone are the result.
"""

from __future__ import annotations

import argparse
import gzip
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from router.final_answer import final_answer

PRICES = {"small": 1.0, "moe": 3.0, "large": 10.0}
"""Per output token."""
RESAMPLES = 2_000


def read_rows(path: Path, models: dict[str, str]) -> list[dict[str, Any]]:
    """Lines that have every model's grade and answer text."""
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rt", encoding="utf-8") as file:
        rows = [json.loads(line) for line in file]
    return [row for row in rows if all(name in row["quality"] and name in row["answer"] for name in models.values())]


def outcome(row: dict[str, Any], models: dict[str, str], asked: Sequence[str], answers: str) -> tuple[float, float]:
    """Quality of the tier that answers, and the cost of all that were asked."""
    cost = sum(PRICES[tier] * row["output_tokens"][models[tier]] for tier in asked)
    return row["quality"][models[answers]], cost


def agreement(row: dict[str, Any], models: dict[str, str]) -> tuple[float, float]:
    """The small answer where small and moe agree, else the large one."""
    small, moe = (final_answer(row["answer"][models[tier]]) for tier in ("small", "moe"))
    if small is not None and small == moe:
        return outcome(row, models, ("small", "moe"), "small")
    return outcome(row, models, ("small", "moe", "large"), "large")


def measure(rows: Sequence[dict[str, Any]], models: dict[str, str]) -> dict[str, dict[str, Any]]:
    """Accuracy and cost of each way to answer, with 95% intervals over resampled questions."""
    ways = {tier: [outcome(row, models, (tier,), tier) for row in rows] for tier in PRICES}
    ways["agreement"] = [agreement(row, models) for row in rows]
    picks = np.random.default_rng(0).integers(0, len(rows), (RESAMPLES, len(rows)))
    large = np.array(ways["large"])
    result = {}
    for name, pairs in ways.items():
        quality, cost = np.array(pairs).T
        accuracy_gap = (quality - large[:, 0])[picks].mean(axis=1)
        ratio = cost[picks].sum(axis=1) / large[:, 1][picks].sum(axis=1)
        result[name] = {
            "accuracy": quality.mean(),
            "accuracy_above_large": [float(bound) for bound in np.percentile(accuracy_gap, (2.5, 97.5))],
            "cost_of_large": cost.sum() / large[:, 1].sum(),
            "cost_of_large_interval": [float(bound) for bound in np.percentile(ratio, (2.5, 97.5))],
        }
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path)
    parser.add_argument("--tier", action="append", required=True, metavar="TIER=MODEL", help="once for each tier")
    arguments = parser.parse_args()
    models = dict(each.split("=", 1) for each in arguments.tier if "=" in each)
    if set(models) != set(PRICES):
        parser.error("--tier: write it three times, as small=MODEL, moe=MODEL and large=MODEL")
    rows = read_rows(arguments.data, models)
    if not rows:
        parser.error(f"{arguments.data}: no line has grades and answers of {', '.join(models.values())}")
    measured = measure(rows, models)
    agreed = sum(
        final_answer(row["answer"][models["small"]]) == final_answer(row["answer"][models["moe"]]) for row in rows
    )
    print(f"{len(rows)} questions, small and moe agree on {agreed / len(rows):.0%}")
    for name, row in measured.items():
        low, high = row["accuracy_above_large"]
        cheap, dear = row["cost_of_large_interval"]
        print(
            f"{name:10} accuracy {row['accuracy']:.3f} ({low:+.3f} to {high:+.3f} beside large), "
            f"cost {row['cost_of_large']:.2f} of large ({cheap:.2f} to {dear:.2f})"
        )


if __name__ == "__main__":
    main()
