"""From LightGBM's models to arrays that are evaluated without it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from router.members import ALL_LEAVES, MAX_LEAVES, Trees

Node = Mapping[str, Any]
Split = tuple[int, float, int]
"""Feature, threshold, bits of the leaves that stay when the request goes right."""


def as_trees(models: Sequence[Mapping[str, Any]]) -> Trees:
    """Arrays of several boosted models, one per head, from their `dump_model()`; leaves are numbered left to right."""
    splits: list[Split] = []
    starts: list[int] = []
    heads: list[int] = []
    leaves: list[list[float]] = []
    for model in models:
        heads.append(len(starts))
        for tree in model["tree_info"]:
            starts.append(len(splits))
            values: list[float] = []
            _walk(tree["tree_structure"], values, splits)
            if starts[-1] == len(splits):  # a tree of one leaf: a split that changes nothing stands for it
                splits.append((0, 0.0, int(ALL_LEAVES)))
            leaves.append(values + [0.0] * (MAX_LEAVES - len(values)))
    feature, threshold, left = zip(*splits, strict=True)
    return Trees(
        np.array(feature, dtype=np.int64),
        np.array(threshold, dtype=np.float64),
        np.array(left, dtype=np.uint16),
        np.array(starts, dtype=np.int64),
        np.array(leaves, dtype=np.float64),
        np.array(heads, dtype=np.int64),
    )


def _walk(node: Node, values: list[float], splits: list[Split]) -> int:
    """Add a subtree's leaves and splits; return the bits of its leaves."""
    if "leaf_value" in node:
        values.append(float(node["leaf_value"]))
        return 1 << (len(values) - 1)
    place = len(splits)
    splits.append((0, 0.0, 0))
    left = _walk(node["left_child"], values, splits)
    right = _walk(node["right_child"], values, splits)
    splits[place] = (int(node["split_feature"]), float(node["threshold"]), int(ALL_LEAVES) & ~left)
    return left | right
