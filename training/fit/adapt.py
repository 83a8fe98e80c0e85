"""Adapts the order of gains that ships to a fleet, from 25 own labels on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np

from cluster.pool import TIERS
from router.model.adapted import AdaptedQuality, GainOrder
from router.model.arrays import CheckedArrays, member_arrays, packed, unpacked
from router.model.artifact import OwnQuality
from router.model.learned import all_tiers
from router.model.lexical import NAMES
from router.types import CalibrationSample
from training.fit.calibration import SAMPLE, held_out_metrics, out_of_fold
from training.fit.members import fit_ensemble, mean_lengths, vocabulary_of
from training.fit.train import NOTHING, TooFewLabels, label_counts, learnable_tiers, train
from training.outcomes import Outcome

LEAST_OWN = 25
"""Minimum labelled queries of a tier."""
MANY = 500
"""From so many queries on, own labels alone are better than the order that ships."""
BASE_SHARE = 0.2
"""Standard deviation of what the shipped order adds to the score. Own labels add one that grows with what they know."""
DOUBT_FROM = 100
"""From so many labels on, the shipped order counts less, in proportion."""
PRIOR_LABELS = 25
PRIOR_GAIN = {"small": 0.15, "moe": 0.135, "large": 0.0}
"""What the highest tier gains on average, as strong as PRIOR_LABELS labels. The gain over moe is more than half of the
gain over small: without evidence, nothing speaks for paying for the tier between."""
LEAST_SPREAD = 1e-3
"""Labels or scores that hardly differ are not divided by less."""
SHIPPED = "gains.npz"
FORMAT = "gains-1"


def learn(
    outcomes: Sequence[Outcome], seed: int = 0, card: Mapping[str, Any] | None = None, base: GainOrder | None = None
) -> OwnQuality:
    """Train on own labels: on many of them alone, and with few on top of the order that ships.

    Args:
        card: facts about the sources for the training card; counts are added.
        base: the order to adapt; None for the one that ships.

    Raises:
        TooFewLabels: fewer than two tiers have LEAST_OWN labelled queries.
    """
    try:
        learnable_tiers(outcomes, MANY)
    except TooFewLabels:
        return adapt(outcomes, base or shipped_gains(), seed, card)
    return train(outcomes, seed, card)


def adapt(
    outcomes: Sequence[Outcome], base: GainOrder, seed: int = 0, card: Mapping[str, Any] | None = None
) -> AdaptedQuality:
    """Adapt an order of gains to labels; see learn."""
    tiers = learnable_tiers(outcomes, LEAST_OWN)
    known = [outcome for outcome in outcomes if any(tier in outcome.quality for tier in tiers[1:])]
    views = [outcome.seen for outcome in known]
    level = float(np.mean([outcome.quality[tiers[0]] for outcome in known if tiers[0] in outcome.quality]))
    gains = np.array([level_gain(outcome, tiers, level) for outcome in known])
    targets = ((gains - gains.mean()) / max(float(gains.std()), LEAST_SPREAD))[:, None]
    held_out, heads = out_of_fold(known, views, targets, seed)
    said = np.array([base.of(seen.features) for seen in views])
    slope = BASE_SHARE * min(1.0, DOUBT_FROM / len(known)) / max(float(said.std()), LEAST_SPREAD)
    scores = slope * (said[held_out] - said.mean()) + heads[:, 0]
    model = AdaptedQuality(
        anchor=tiers[0],
        lower=tiers[1:],
        base=base,
        base_line=np.array([slope, -slope * said.mean()]),
        own=fit_ensemble(views, targets, seed),
        line=np.array([scores.mean(), max(float(scores.std()), LEAST_SPREAD)]),
        levels=np.array([level, *(mean_gain(known, tiers[0], tier) for tier in tiers[1:])]),
        output_tokens=mean_lengths(known, LEAST_OWN),
        vocabulary=vocabulary_of(views),
        calibration=NOTHING,
        card={},
    )
    unseen = [known[row] for row in held_out]
    quality = [model.qualities(model.bounded(score)) for score in scores.tolist()]
    facts = {"labels": label_counts(outcomes), "held_out": held_out_metrics(unseen, quality)}
    return replace(model, calibration=_sample(model, unseen, quality, seed), card=dict(card or {}) | facts)


def _sample(
    model: AdaptedQuality, outcomes: Sequence[Outcome], quality: Sequence[Mapping[str, float]], seed: int
) -> CalibrationSample:
    """At most SAMPLE of the out-of-fold predictions."""
    rows = np.random.default_rng(seed).permutation(len(outcomes))[:SAMPLE]
    return CalibrationSample(
        np.array([list(all_tiers(quality[row])[0].values()) for row in rows]),
        np.tile(model.output_tokens, (len(rows), 1)),
        np.array([float(outcomes[row].request.prompt_tokens) for row in rows]),
    )


def level_gain(outcome: Outcome, tiers: Sequence[str], level: float) -> float:
    """Gain of the anchor over the lowest other tier; `level` replaces an anchor that has not answered."""
    lowest = next(tier for tier in TIERS if tier in tiers[1:] and tier in outcome.quality)
    return outcome.quality.get(tiers[0], level) - outcome.quality[lowest]


def mean_gain(outcomes: Sequence[Outcome], anchor: str, tier: str) -> float:
    """Mean gain of the anchor over a tier, shrunk towards the usual gain."""
    gains = [o.quality[anchor] - o.quality[tier] for o in outcomes if {anchor, tier} <= o.quality.keys()]
    usual = PRIOR_GAIN[tier] - PRIOR_GAIN[anchor]
    return (sum(gains) + PRIOR_LABELS * usual) / (len(gains) + PRIOR_LABELS)


# -- the order that ships --------------------------------------------------------------------------------------------


def dump_gains(base: GainOrder, card: Mapping[str, Any]) -> bytes:
    """Return an order of gains as a file's content."""
    arrays = member_arrays("linear", base.linear) | member_arrays("trees", base.trees)
    return packed({"format": FORMAT, "features": list(NAMES), "card": dict(card)}, arrays)


@cache
def shipped_gains() -> GainOrder:
    """Return the order of gains that ships."""
    arrays = CheckedArrays(unpacked((files("training") / SHIPPED).read_bytes()))
    arrays.head((FORMAT,), NAMES)
    return GainOrder(arrays.linear("linear", 1), arrays.trees("trees", 1, len(NAMES)))
