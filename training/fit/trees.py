"""Converts LightGBM's models to arrays that are evaluated without it."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from router.model.members import ALL_LEAVES, MAX_LEAVES, MAX_SPLITS, Trees

Node = Mapping[str, Any]
Split = tuple[int, float, int]
"""Feature, threshold, and bits of the leaves that remain possible if the request goes right."""


NEVER_FAILED: Split = (0, math.inf, int(ALL_LEAVES))


def as_trees(models: Sequence[Sequence[Mapping[str, Any]]]) -> Trees:
    """Arrays of boosted models from their `dump_model()`. The models of a head are averaged.

    Leaves are numbered from left to right.
    """
    splits: list[list[Split]] = []
    leaves: list[list[float]] = []
    heads: list[int] = []
    for boosted in models:
        heads.append(len(splits))
        for tree in (tree for model in boosted for tree in model["tree_info"]):
            found: list[Split] = []
            values: list[float] = []
            _walk(tree["tree_structure"], values, found)
            splits.append(found + [NEVER_FAILED] * (MAX_SPLITS - len(found)))
            leaves.append([value / len(boosted) for value in values] + [0.0] * (MAX_LEAVES - len(values)))
    table = np.array(splits).transpose(2, 1, 0)  # feature, threshold, left; split; tree
    return Trees(
        table[0].astype(np.intp, order="C"),  # evaluation is several times faster with adjacent trees
        table[1].astype(np.float64, order="C"),
        table[2].astype(np.uint16, order="C"),
        np.array(leaves, dtype=np.float64),
        np.array(heads, dtype=np.intp),
    )


def _walk(node: Node, values: list[float], splits: list[Split]) -> int:
    """Add a subtree's leaves and splits. Returns the bits of its leaves."""
    if "leaf_value" in node:
        values.append(float(node["leaf_value"]))
        return 1 << (len(values) - 1)
    place = len(splits)
    splits.append((0, 0.0, 0))
    left = _walk(node["left_child"], values, splits)
    right = _walk(node["right_child"], values, splits)
    splits[place] = (int(node["split_feature"]), float(node["threshold"]), int(ALL_LEAVES) & ~left)
    return left | right
