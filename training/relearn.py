"""Learn from a fleet's labels, and judge whether that is better than the spec's own model.

`python -m training.relearn LABELS PLAN CANDIDATE` reads labels and a plan, writes the candidate if it is better, and
prints a verdict as JSON. The fleet board runs it in a separate process.
"""

from __future__ import annotations

import json
import math
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import numpy as np

from cluster.pool import TIERS
from router.labels import BadLabel, Label, read_label
from router.model.adapted import AdaptedQuality
from router.model.artifact import dump_artifact
from router.model.learned import all_tiers
from router.model.members import Floats
from training.fit.adapt import adapt, shipped_gains
from training.fit.train import TooFewLabels
from training.folds import question_folds
from training.outcomes import Outcome, labelled

FOLDS = 4
OWNER_SHARE = 0.1
"""Largest share of the labels that come from one client's feedback: nobody teaches the router alone."""
BEYOND_NOISE = 1.64
"""Standard errors that a difference has to exceed: one of twenty equal candidates does so by chance."""


@dataclass(frozen=True)
class Plan:
    """How the fleet weighs quality and cost."""

    cost_weight: float
    """Quality to give up for saving the cost of the most expensive tier."""
    prices: Mapping[str, float]
    """Cost of an answer by tier of the fleet, as a share of the most expensive tier's."""


@dataclass(frozen=True)
class Verdict:
    """What was learned, and whether it is better."""

    action: Literal["take", "keep", "roll back"]
    """`take` the candidate; `keep` what decides; `roll back` to the spec's own model if a learned one decides."""
    labels: int
    """Labels that were learned from."""
    judged: int
    """Comparisons that the candidate was judged on, each by members that had not seen it."""
    gain: float
    """Mean of quality - cost_weight x cost that the candidate adds to the spec's own model."""
    error: float
    """Standard error of `gain`."""
    why: str
    """One sentence."""


def relearn(labels: Sequence[Label], plan: Plan) -> tuple[Verdict, AdaptedQuality | None]:
    """Return a verdict on what labels teach, and the candidate that learned from all of them; None with too few."""
    outcomes = [labelled(label) for label in weighed(labels)]
    try:
        candidate = adapt(outcomes, shipped_gains(), card=_card(outcomes))
        gains = held_out_gains(outcomes, plan)
    except TooFewLabels as error:
        return Verdict("keep", len(outcomes), 0, 0.0, 0.0, f"too few labels: {error}"), None
    mean, error_of = float(gains.mean()), float(gains.std(ddof=1) / math.sqrt(len(gains)))
    return _verdict(len(outcomes), len(gains), mean, error_of), candidate


def weighed(labels: Sequence[Label]) -> list[Label]:
    """The labels without the older feedback of a client that gave more than its share, in order of time."""
    feedback = Counter(label.owner for label in labels if label.source == "feedback")
    others = sum(label.source != "feedback" for label in labels)
    most = max(1, int(OWNER_SHARE * (others + sum(feedback.values()))))
    kept: list[Label] = []
    given: Counter[str | None] = Counter()
    for label in sorted(labels, key=lambda label: -label.at_s):
        if label.source == "feedback":
            given[label.owner] += 1
            if given[label.owner] > most:
                continue
        kept.append(label)
    return kept[::-1]


def held_out_gains(outcomes: Sequence[Outcome], plan: Plan) -> Floats:
    """What members that had not seen a comparison gain on it over the spec's own model.

    Raises:
        TooFewLabels: the labels of some folds are too few to learn from the others.
    """
    gains: list[float] = []
    for fold in question_folds([outcome.question for outcome in outcomes], FOLDS):
        taught = adapt([outcomes[row] for row in fold.train], shipped_gains())
        for outcome in (outcomes[row] for row in fold.test):
            if outcome.label is not None and _is_judged(outcome, plan):
                quality = all_tiers(taught.qualities(taught.score(outcome.seen)))[0]
                gains.append(_value(outcome, quality, plan) - _value(outcome, outcome.label.expected, plan))
    if len(gains) < 2:
        raise TooFewLabels("no two comparisons are left to judge by")
    return np.array(gains)


def _is_judged(outcome: Outcome, plan: Plan) -> bool:
    """Whether two tiers of the fleet answered, so that a choice between them can be judged."""
    return len(outcome.quality.keys() & plan.prices.keys()) > 1


def _value(outcome: Outcome, predicted: Mapping[str, float], plan: Plan) -> float:
    """Quality - cost_weight x cost of the tier that a prediction chooses, among the tiers whose answer is known."""
    known = [tier for tier in TIERS if tier in outcome.quality and tier in plan.prices]
    chosen = max(known, key=lambda tier: predicted[tier] - plan.cost_weight * plan.prices[tier])
    return outcome.quality[chosen] - plan.cost_weight * plan.prices[chosen]


def _verdict(labels: int, judged: int, mean: float, error: float) -> Verdict:
    measured = f"{mean:+.3f} (standard error {error:.3f}) on {judged} comparisons that it had not seen"
    if mean > BEYOND_NOISE * error:
        return Verdict("take", labels, judged, mean, error, f"better than the spec's own model: {measured}")
    if mean < -BEYOND_NOISE * error:
        return Verdict("roll back", labels, judged, mean, error, f"worse than the spec's own model: {measured}")
    return Verdict("keep", labels, judged, mean, error, f"no different from the spec's own model: {measured}")


def _card(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    sources = Counter(outcome.label.source for outcome in outcomes if outcome.label)
    made = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    return {"sources": [{"own traffic": dict(sources)}], "made": made, "learned": True}


def read_labels(text: str) -> list[Label]:
    """The labels in the lines of a file; damaged lines are left out."""
    labels = []
    for line in text.splitlines():
        try:
            labels.append(read_label(json.loads(line)))
        except (BadLabel, ValueError, RecursionError):
            continue
    return labels


def main() -> None:
    """Read the labels, learn, and print the verdict."""
    labels, plan, output = (Path(word) for word in sys.argv[1:])
    verdict, candidate = relearn(read_labels(labels.read_text()), Plan(**json.loads(plan.read_text())))
    if verdict.action == "take" and candidate is not None:
        output.write_bytes(dump_artifact(candidate))
    print(json.dumps(asdict(verdict)))


if __name__ == "__main__":
    main()
