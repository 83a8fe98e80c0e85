"""Confidence of the demo models: `python -m demo.confidence` queries a running fleet and writes confidence.json.

Coefficients are fitted on seen wordings. The held-out numbers come from tasks with another seed. Fresh wordings are
never used for fitting.
"""

import argparse
import datetime
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from demo.confidence_data import Answered, ask_all
from demo.tasks import generate_tasks
from router.confidence.artifact import write_confidence
from router.confidence.judge import FEATURES, ConfidenceModel, Evidence, Logistic, confidence_features
from training.fit.confidence import fit_logistic

CONFIDENCE_FILE = Path(__file__).parent / "confidence.json"
TIERS = ("small", "moe")
HOLD_TOKENS = 32
TRAIN_SEED, HELD_OUT_SEED, FRESH_SEED = 31_001, 31_002, 31_003
# Features of the quality model are excluded. With them, every new router artifact would need a new file.
USED = [name for name in FEATURES if not name.startswith("predicted")]

Rows = tuple[list[dict[str, float]], list[float]]


def rows_of(tier: str, answers: Sequence[Answered], hold_tokens: int) -> Rows:
    """Features of the first tokens of each answer, and its grade (0 or 1)."""
    features = []
    for answer in answers:
        is_whole = len(answer.logprobs) < hold_tokens
        evidence = Evidence(answer.logprobs[:hold_tokens], answer.margins[:hold_tokens], is_whole)
        features.append(confidence_features(tier, evidence))
    return features, [float(answer.correct) for answer in answers]


def measure(logistic: Logistic, rows: Rows) -> dict[str, float]:
    """Ranking quality of the probabilities (AUC), and their calibration error (ECE, ten bins)."""
    features, good = rows
    predicted, right = np.array([logistic.probability(row) for row in features]), np.array(good)
    above = predicted[right == 1][:, None] - predicted[right == 0][None, :]
    bins = np.minimum((predicted * 10).astype(int), 9)
    gaps = [
        abs(predicted[bins == each].mean() - right[bins == each].mean()) * (bins == each).mean() for each in set(bins)
    ]
    return {
        "tasks": len(good),
        "accuracy": round(float(right.mean()), 4),
        "auc": round(float((above > 0).mean() + 0.5 * (above == 0).mean()), 4),
        "ece": round(float(sum(gaps)), 4),
    }


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--url", default="http://127.0.0.1:8000", help="URL of a fleet that serves the demo models")
    parser.add_argument("--tasks", type=int, default=2400, help="tasks for fitting; a third as many are held out")
    parser.add_argument("--hold-tokens", type=int, default=HOLD_TOKENS, help="number of first tokens to judge")
    arguments = parser.parse_args()
    hold, count = arguments.hold_tokens, arguments.tasks
    sets = {
        "train": generate_tasks(count, seed=TRAIN_SEED, fresh=False),
        "held_out": generate_tasks(count // 3, seed=HELD_OUT_SEED, fresh=False),
        "fresh": generate_tasks(count // 3, seed=FRESH_SEED, fresh=True),
    }
    fitted, measured = {}, {}
    for tier in TIERS:
        rows = {name: rows_of(tier, ask_all(arguments.url, tier, tasks), hold) for name, tasks in sets.items()}
        fitted[tier] = fit_logistic(*rows["train"], USED)
        measured[tier] = {name: measure(fitted[tier], rows[name]) for name in sets}
        print(tier, measured[tier], flush=True)
    card = {
        "tasks": "demo tasks in seen wordings, greedy answers of the shipped demo models",
        "seeds": {"train": TRAIN_SEED, "held_out": HELD_OUT_SEED, "fresh": FRESH_SEED},
        "measured": measured,
        "date": datetime.datetime.now(datetime.UTC).date().isoformat(),
    }
    CONFIDENCE_FILE.write_bytes(write_confidence(ConfidenceModel(fitted, hold), card))


if __name__ == "__main__":
    main()
