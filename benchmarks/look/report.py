"""Measures every kind of look on the same answers, as rows of a table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np

from benchmarks.escalation import PRICES, cost_of
from benchmarks.look.heads import chances, fit_heads
from benchmarks.look.kinds import Kind
from benchmarks.look.measure import Array, Interval, Play, aucs, bootstrap, interval, quality_at_cost
from demo.confidence_data import Answered
from demo.looks import Look
from training.metrics import ece

LABELS = (100, 300, 1_000)
RESAMPLES = 1_000
BUDGETS = {"moe": 0.8, "large": 0.5}
"""Cost of escalating to a tier, relative to sending everything there."""


@dataclass(frozen=True)
class Answers:
    """What is looked at: answers of the small model for fitting and testing, and the next tiers' test answers."""

    fit: Sequence[Look]
    seen: Sequence[Look]
    """Other tasks in the wordings of the fitting tasks."""
    fresh: Sequence[Look]
    higher: Mapping[str, Sequence[Answered]]
    """The fresh tasks' answers of the next tiers, where escalation is measured too."""


@dataclass(frozen=True)
class Row:
    """One kind of look; heads are fitted on all labels unless another number is named."""

    look: str
    held: float
    """Mean tokens of the answer that exist when the look is taken."""
    extra: float
    """Mean tokens that are generated for the look alone."""
    auc: Mapping[int, Interval]
    """On fresh wordings, by number of labels; the mean over draws of as many labels."""
    gain: Interval
    """AUC minus that of the look that it is compared with, on the same answers."""
    seen: Interval
    """AUC on seen wordings."""
    ece: float
    """On fresh wordings."""
    quality: Mapping[str, Interval]
    """Accuracy at the cost of BUDGETS, by the next tier."""
    quality_gain: Mapping[str, Interval]
    """That accuracy minus that of the look that it is compared with."""


@dataclass(frozen=True)
class Measured:
    """One kind's estimates with their resamples."""

    kind: Kind
    auc: Mapping[int, Array]
    seen: Array
    ece: float
    quality: Mapping[str, Array]


def grades(looks: Sequence[Look]) -> Array:
    """1 for right answers, else 0."""
    return np.array([float(look.answered.correct) for look in looks])


def measure(kind: Kind, answers: Answers, resamples: int = RESAMPLES) -> Measured:
    """Fit a kind's heads and measure them on tasks that they did not see.

    Raises:
        ValueError: the answers of some part of the fitting tasks are all right or all wrong.
    """
    fit, seen, fresh = ([kind.features(look) for look in part] for part in (answers.fit, answers.seen, answers.fresh))
    weights = bootstrap(len(fresh), resamples)
    counts = [labels for labels in LABELS if labels < len(fit)] + [len(fit)]
    auc = {}
    for labels in counts:
        heads = fit_heads(fit, grades(answers.fit), labels)
        auc[labels] = aucs(np.array([chances(head, fresh) for head in heads]), grades(answers.fresh), weights)
    before = chances(heads[0], seen)[None, :]
    confidence = chances(heads[0], fresh)
    return Measured(
        kind,
        auc,
        aucs(before, grades(answers.seen), bootstrap(len(seen), resamples)),
        ece(confidence, grades(answers.fresh)),
        {tier: _quality(kind, answers, tier, confidence, weights) for tier in answers.higher},
    )


def _quality(kind: Kind, answers: Answers, tier: str, confidence: Array, weights: Array) -> Array:
    alone = np.array([cost_of(tier, answer) for answer in answers.higher[tier]])
    budget = BUDGETS[tier] * (weights @ alone) / weights.sum(axis=1)
    return quality_at_cost(play(kind, answers.fresh, answers.higher[tier], tier, confidence), budget, weights)


def play(kind: Kind, looks: Sequence[Look], higher: Sequence[Answered], tier: str, confidence: Array) -> Play:
    """Costs and qualities of each answer, kept or escalated to a tier, in the prices of `benchmarks.escalation`."""
    kept_cost, dropped_cost = [], []
    for look in looks:
        extra = PRICES["small"] * kind.extra(look)
        kept_cost.append(cost_of("small", look.answered) + extra)
        dropped_cost.append(cost_of("small", look.answered, kind.held(look)) + extra if kind.asks else 0.0)
    next_cost = [cost_of(tier, answer) for answer in higher]
    return Play(
        confidence,
        grades(looks),
        np.array([float(answer.correct) for answer in higher]),
        np.array(kept_cost),
        np.array(dropped_cost) + np.array(next_cost),
    )


def rows(kinds: Sequence[Kind], answers: Answers, against: str) -> Iterator[Row]:
    """Every kind's row, compared with the kind of this name."""
    measured = {kind.name: measure(kind, answers) for kind in kinds}
    other = measured[against]
    labels = len(answers.fit)
    for name, each in measured.items():
        yield Row(
            name,
            float(np.mean([each.kind.held(look) for look in answers.fresh])),
            float(np.mean([each.kind.extra(look) for look in answers.fresh])),
            {count: interval(values) for count, values in each.auc.items()},
            interval(each.auc[labels] - other.auc[labels]),
            interval(each.seen),
            each.ece,
            {tier: interval(values) for tier, values in each.quality.items()},
            {tier: interval(values - other.quality[tier]) for tier, values in each.quality.items()},
        )


def table(found: Sequence[Row]) -> Iterator[str]:
    """The rows as text; brackets have 95% intervals."""
    counts = list(found[0].auc)
    heads = [f"AUC {count}" for count in counts[:-1]] + [
        f"AUC {counts[-1]}",
        "gain",
        "AUC seen",
        "ECE",
        "held",
        "extra",
    ]
    heads += [f"{tier} at {BUDGETS[tier]:g}" for tier in found[0].quality]
    yield " | ".join(["look", *heads])
    for row in found:
        cells = [f"{row.auc[count].mean:.3f}" for count in counts[:-1]]
        cells += [_text(row.auc[counts[-1]]), _text(row.gain, "+"), f"{row.seen.mean:.3f}", f"{row.ece:.3f}"]
        cells += [f"{row.held:.1f}", f"{row.extra:.1f}"]
        cells += [f"{row.quality[tier].mean:.3f} {_range(row.quality_gain[tier], '+')}" for tier in row.quality]
        yield " | ".join([row.look, *cells])


def _text(value: Interval, sign: str = "") -> str:
    return f"{value.mean:{sign}.3f} {_range(value, sign)}"


def _range(value: Interval, sign: str = "") -> str:
    return f"({value.low:{sign}.3f} to {value.high:{sign}.3f})"
