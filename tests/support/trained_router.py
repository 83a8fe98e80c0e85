"""A quality model trained once per test process, on outcomes that `outcome_maker` makes up."""

from __future__ import annotations

import json
from collections.abc import Iterable
from functools import cache
from typing import Any
from unittest.mock import patch

from outcome_maker import outcome_rows

from router.model.adapted import AdaptedQuality
from router.model.learned import LearnedQuality
from training.fit import adapt
from training.fit import members as fitting
from training.fit import train as training
from training.outcomes import Outcome, read_outcomes

ROUNDS = 15
"""Trees per model: few, so that training takes a moment."""


def as_outcomes(rows: Iterable[dict[str, Any]]) -> list[Outcome]:
    """Rows of an outcome file whose models are called as tiers are."""
    return read_outcomes(map(json.dumps, rows), "made up", {tier: tier for tier in ("small", "moe", "large")})


def train_quickly(outcomes: list[Outcome], **arguments: Any) -> LearnedQuality:
    """`training.fit.train.train` with few trees."""
    with patch.multiple(fitting, ROUNDS_FEW=ROUNDS, ROUNDS_MANY=ROUNDS):
        return training.train(outcomes, **arguments)


@cache
def adapted() -> AdaptedQuality:
    """A model of 80 labels of three tiers."""
    with patch.multiple(fitting, ROUNDS_FEW=ROUNDS):
        return adapt.adapt(as_outcomes(outcome_rows(80, tokens=True)), adapt.shipped_gains(), card={"made": "today"})


@cache
def trained() -> LearnedQuality:
    """A model of three tiers that knows how long their answers are."""
    return train_quickly(as_outcomes(outcome_rows(400, tokens=True)), card={"made": "today"})
