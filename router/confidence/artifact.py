"""The confidence file: coefficients as a small JSON file, checked on reading."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from pydantic import Field, ValidationError

from cluster.explain import explain
from cluster.part import Part
from router.confidence.judge import FEATURES, ConfidenceModel, Logistic

MAX_BYTES = 1_000_000
Coefficient = Annotated[float, Field(ge=-1e6, le=1e6)]


class ConfidenceError(Exception):
    """The file has no usable coefficients; the message names the problem."""


class TierPart(Part):
    """One tier's coefficients."""

    intercept: Coefficient
    weights: dict[Literal[FEATURES], Coefficient]  # type: ignore[valid-type]


class ConfidencePart(Part):
    """The whole file."""

    format: Literal["signalbox-confidence"]
    version: Literal[1]
    hold_tokens: int = Field(ge=1, le=1_000)
    """Number of first tokens that the coefficients judge."""
    tiers: dict[Literal["small", "moe"], TierPart] = Field(min_length=1)
    card: dict[str, Any] = Field(default={})
    """Origin of the coefficients: tasks, counts, measurements, date."""


def read_confidence(data: bytes) -> ConfidenceModel:
    """Return the model in a file's bytes.

    Raises:
        ConfidenceError: not JSON, another version, or a field that is missing, unknown or out of range.
    """
    if len(data) > MAX_BYTES:
        raise ConfidenceError(f"has {len(data)} bytes: use a confidence file of at most {MAX_BYTES}")
    try:
        part = ConfidencePart.model_validate(json.loads(data))
    except ValidationError as error:
        raise ConfidenceError("; ".join(list(explain(error))[:5])) from error
    except (ValueError, RecursionError) as error:
        raise ConfidenceError("is not JSON: use a file from `python -m demo.confidence`") from error
    tiers: dict[str, Logistic] = {tier: Logistic(each.weights, each.intercept) for tier, each in part.tiers.items()}
    return ConfidenceModel(tiers, part.hold_tokens)


def write_confidence(model: ConfidenceModel, card: dict[str, Any]) -> bytes:
    """Return a model with coefficients as a file's bytes."""
    tiers = {
        tier: {
            "intercept": round(logistic.intercept, 5),
            "weights": {name: round(weight, 5) for name, weight in logistic.weights.items()},
        }
        for tier, logistic in model.tiers.items()
    }
    content = {
        "format": "signalbox-confidence",
        "version": 1,
        "hold_tokens": model.hold_tokens,
        "tiers": tiers,
        "card": card,
    }
    return (json.dumps(content, indent=2) + "\n").encode()
