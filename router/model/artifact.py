"""The artifact: a model of own labels as a file of arrays and a card, checked on reading."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cluster.pool import TIERS
from router.model.adapted import AdaptedQuality, GainOrder
from router.model.arrays import ArtifactError, CheckedArrays, member_arrays, packed, unpacked
from router.model.learned import VOCABULARY, Ensemble, LearnedQuality
from router.model.lexical import NAMES

FORMAT, ADAPTED = 2, "adapted-1"
"""Versions of the two layouts; a file with another version is rejected."""

OwnQuality = LearnedQuality | AdaptedQuality
"""A model of a fleet's own labels: of many, or of few."""


def dump_artifact(model: OwnQuality) -> bytes:
    """Return the model as a file's content."""
    layout, arrays = _learned_arrays(model) if isinstance(model, LearnedQuality) else _adapted_arrays(model)
    arrays |= {f"sample_{field}": value.astype(np.float32) for field, value in vars(model.calibration).items()}
    arrays |= {"vocabulary": model.vocabulary, "output_tokens": model.output_tokens}
    head = {"format": layout, "features": list(NAMES), "tiers": [model.anchor, *model.lower], "card": dict(model.card)}
    return packed(head, arrays)


def load_artifact(data: bytes) -> OwnQuality:
    """Return the model in a file's content.

    Raises:
        ArtifactError: the file is truncated, of another version, for other features, or not an artifact at all.
    """
    arrays = CheckedArrays(unpacked(data))
    head = arrays.head((FORMAT, ADAPTED), NAMES)
    return _adapted(arrays, head) if head["format"] == ADAPTED else _learned(arrays, head)


def _learned_arrays(model: LearnedQuality) -> tuple[int | str, dict[str, NDArray[Any]]]:
    arrays = _ensemble_arrays("", model.ensemble)
    return FORMAT, arrays | {"usual": model.usual, "longest": np.array([model.longest])}


def _learned(arrays: CheckedArrays, head: Mapping[str, Any]) -> LearnedQuality:
    tiers, heads = _tiers(head), len(head["tiers"])
    return LearnedQuality(
        anchor=tiers[0],
        lower=tiers[1:],
        ensemble=_ensemble("", arrays, heads),
        usual=arrays.floats("usual", len(NAMES)),
        output_tokens=np.maximum(arrays.floats("output_tokens", len(TIERS)), 1.0),
        vocabulary=arrays.take("vocabulary", np.uint8, (VOCABULARY // 8,)),
        longest=float(arrays.floats("longest", 1)[0]),
        calibration=arrays.sample(),
        card=head["card"],
    )


def _adapted_arrays(model: AdaptedQuality) -> tuple[int | str, dict[str, NDArray[Any]]]:
    arrays = _ensemble_arrays("own_", model.own)
    arrays |= member_arrays("base_linear", model.base.linear) | member_arrays("base_trees", model.base.trees)
    return ADAPTED, arrays | {"base_line": model.base_line, "line": model.line, "levels": model.levels}


def _adapted(arrays: CheckedArrays, head: Mapping[str, Any]) -> AdaptedQuality:
    tiers, line = _tiers(head), arrays.floats("line", 2)
    if line[1] <= 0:
        raise ArtifactError("has no spread of scores: train it again")
    return AdaptedQuality(
        anchor=tiers[0],
        lower=tiers[1:],
        base=GainOrder(arrays.linear("base_linear", 1), arrays.trees("base_trees", 1, len(NAMES))),
        base_line=arrays.floats("base_line", 2),
        own=_ensemble("own_", arrays, 1),
        line=line,
        levels=arrays.floats("levels", len(tiers)),
        output_tokens=np.maximum(arrays.floats("output_tokens", len(TIERS)), 1.0),
        vocabulary=arrays.take("vocabulary", np.uint8, (VOCABULARY // 8,)),
        calibration=arrays.sample(),
        card=head["card"],
    )


def _ensemble_arrays(prefix: str, ensemble: Ensemble) -> dict[str, NDArray[Any]]:
    members = {name: getattr(ensemble, name) for name in ("linear", "words", "trees")}
    arrays: dict[str, NDArray[Any]] = {}
    for name, member in members.items():
        arrays |= member_arrays(f"{prefix}{name}", member)
    return arrays | {f"{prefix}slope": ensemble.slope, f"{prefix}offset": ensemble.offset}


def _ensemble(prefix: str, arrays: CheckedArrays, heads: int) -> Ensemble:
    return Ensemble(
        linear=arrays.linear(f"{prefix}linear", heads),
        words=arrays.hashed(f"{prefix}words", heads),
        trees=arrays.trees(f"{prefix}trees", heads, len(NAMES)),
        slope=arrays.floats(f"{prefix}slope", heads),
        offset=arrays.floats(f"{prefix}offset", heads),
    )


def _tiers(head: Mapping[str, Any]) -> tuple[str, ...]:
    tiers = head.get("tiers")
    known = isinstance(tiers, list) and all(tier in TIERS for tier in tiers)
    if not isinstance(tiers, list) or not known or not 2 <= len(tiers) == len(set(tiers)):
        raise ArtifactError("has invalid tiers: create it again with `signalbox router train`")
    return tuple(tiers)
