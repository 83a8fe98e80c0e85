"""What second opinions gain, on graded answers: agreement of two cheap models, and confidence in one.

    python -m benchmarks.escalation agreement DATA.jsonl[.gz] --tier small=llama-3-8b --tier moe=mixtral-8x7b \\
        --tier large=llama-3-70b
    python -m benchmarks.escalation confidence          # needs a running `signalbox serve examples/laptop.yaml`

DATA has a JSON object a line: query, quality and output_tokens by model, and the models' answer texts. Costs are tokens
times a price per tier; the ratio to the large tier alone is the result. Confidence asks demo tasks that no coefficient
was fitted on, with log-probabilities, and plays `keep above a threshold, else ask the next tier` over the answers.
"""

from __future__ import annotations

import argparse
import gzip
import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from demo.confidence import CONFIDENCE_FILE
from demo.confidence_data import Answered, ask_all
from demo.tasks import generate_tasks
from router.confidence.artifact import read_confidence
from router.confidence.final_answer import final_answer
from router.confidence.judge import ConfidenceModel, Evidence

PRICES = {"small": 1.0, "moe": 3.0, "large": 10.0}
"""Per token."""
RESAMPLES = 2_000
THRESHOLDS = (0.5, 0.7, 0.8, 0.9, 0.95)
SEED = 52_001

Outcomes = Sequence[tuple[float, float]]
"""Quality and cost of each question."""


def line(name: str, outcomes: Outcomes, large: Outcomes) -> str:
    """Accuracy and cost compared with the large tier alone, with 95% intervals over resampled questions."""
    own, other = np.array(outcomes), np.array(large)
    picks = np.random.default_rng(0).integers(0, len(own), (RESAMPLES, len(own)))
    gap = np.percentile((own - other)[picks][..., 0].mean(axis=1), (2.5, 97.5))
    ratio = np.percentile(own[picks][..., 1].sum(axis=1) / other[picks][..., 1].sum(axis=1), (2.5, 97.5))
    return (
        f"{name:22} accuracy {own[:, 0].mean():.3f} ({gap[0]:+.3f} to {gap[1]:+.3f} vs. large), "
        f"cost {own[:, 1].sum() / other[:, 1].sum():.2f} of large ({ratio[0]:.2f} to {ratio[1]:.2f})"
    )


# -- agreement -------------------------------------------------------------------------------------------------------


def read_rows(path: Path, models: dict[str, str]) -> list[dict[str, Any]]:
    """Lines that have every model's grade and answer text."""
    opened = gzip.open if path.suffix == ".gz" else open
    with opened(path, "rt", encoding="utf-8") as file:
        rows = [json.loads(text) for text in file]
    return [row for row in rows if all(name in row["quality"] and name in row["answer"] for name in models.values())]


def agree(row: dict[str, Any], models: dict[str, str]) -> bool:
    """Whether small and moe end with the same final answer."""
    small, moe = (final_answer(row["answer"][models[tier]]) for tier in ("small", "moe"))
    return small is not None and small == moe


def agreement(path: Path, models: dict[str, str], prices: dict[str, float]) -> Iterator[str]:
    """The cheap answer where two agree, else the large one; all that were asked are paid for."""
    rows = read_rows(path, models)
    cost = {tier: [price * row["output_tokens"][models[tier]] for row in rows] for tier, price in prices.items()}
    alone = {
        tier: [(row["quality"][models[tier]], c) for row, c in zip(rows, cost[tier], strict=True)] for tier in PRICES
    }
    agreed = [agree(row, models) for row in rows]
    cascade = []
    for small, moe, large, same in zip(*alone.values(), agreed, strict=True):
        cascade.append((small[0] if same else large[0], small[1] + moe[1] + (0 if same else large[1])))
    yield f"{len(rows)} questions, small and moe agree on {np.mean(agreed):.0%}"
    for name, outcomes in (*alone.items(), ("agreement", cascade)):
        yield line(name, outcomes, alone["large"])


# -- confidence ------------------------------------------------------------------------------------------------------


def cost_of(tier: str, answer: Answered, tokens: int | None = None) -> float:
    """Of the prompt and the answer, or its first tokens."""
    return PRICES[tier] * (answer.prompt_tokens + len(answer.logprobs[:tokens]))


def confidence(url: str, count: int) -> Iterator[str]:
    """Small first; below a threshold of confidence its held-back tokens are lost and the next tier answers."""
    model = read_confidence(CONFIDENCE_FILE.read_bytes())
    for fresh in (False, True):
        tasks = generate_tasks(count, seed=SEED, fresh=fresh)
        answers = {tier: ask_all(url, tier, tasks) for tier in PRICES}
        alone = {tier: [(float(a.correct), cost_of(tier, a)) for a in answers[tier]] for tier in PRICES}
        yield f"{count} tasks in {'fresh' if fresh else 'seen'} wordings"
        for tier in PRICES:
            yield line(tier, alone[tier], alone["large"])
        for following in ("moe", "large"):
            for threshold in THRESHOLDS:
                outcomes = cascade(model, answers["small"], alone["small"], alone[following], threshold)
                yield line(f"small, {following} below {threshold:g}", outcomes, alone["large"])


def cascade(
    model: ConfidenceModel, small: Sequence[Answered], kept: Outcomes, following: Outcomes, threshold: float
) -> Outcomes:
    """Each question's outcome when answers of less confidence are dropped."""
    outcomes = []
    for answer, mine, other in zip(small, kept, following, strict=True):
        hold = model.hold_tokens
        evidence = Evidence(answer.logprobs[:hold], answer.margins[:hold], len(answer.logprobs) < (hold or 0))
        dropped = model.probability("small", evidence) < threshold
        outcomes.append((other[0], other[1] + cost_of("small", answer, hold)) if dropped else mine)
    return outcomes


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    ways = parser.add_subparsers(dest="way", required=True)
    two = ways.add_parser("agreement")
    two.add_argument("data", type=Path)
    two.add_argument("--tier", action="append", required=True, metavar="TIER=MODEL", help="once for each tier")
    two.add_argument(
        "--moe-price", type=float, default=PRICES["moe"], help="of a token, where small's is 1, large's 10"
    )
    one = ways.add_parser("confidence")
    one.add_argument("--url", default="http://127.0.0.1:8000", help="a fleet of the demo models")
    one.add_argument("--tasks", type=int, default=600, help="tasks of each wording")
    arguments = parser.parse_args()
    if arguments.way == "confidence":
        lines = confidence(arguments.url, arguments.tasks)
    else:
        models = dict(each.split("=", 1) for each in arguments.tier if "=" in each)
        if set(models) != set(PRICES):
            parser.error("--tier: write it three times, as small=MODEL, moe=MODEL and large=MODEL")
        lines = agreement(arguments.data, models, PRICES | {"moe": arguments.moe_price})
    for text in lines:
        print(text, flush=True)


if __name__ == "__main__":
    main()
