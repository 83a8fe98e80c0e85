"""Trees as arrays say what LightGBM says."""

from __future__ import annotations

import lightgbm
import numpy as np
import pytest

from router.model.members import MAX_LEAVES
from training.fit.trees import as_trees

FEATURES = 7
QUIET = {"verbose": -1, "num_threads": 1, "deterministic": True, "min_data_in_leaf": 2}


def grown(leaves: int, rounds: int, seed: int = 0, constant: bool = False) -> lightgbm.Booster:
    """A booster on random data with a bend in it, some features of few values."""
    draw = np.random.default_rng(seed)
    x = data(seed)
    y = np.ones(len(x)) if constant else np.sin(3 * x[:, 0]) + (x[:, 1] > 0) * x[:, 2] + draw.normal(0, 0.1, len(x))
    return lightgbm.train(QUIET | {"num_leaves": leaves, "seed": seed}, lightgbm.Dataset(x, y), rounds)


def data(seed: int) -> np.ndarray:
    draw = np.random.default_rng(seed)
    x = draw.normal(0, 1, (300, FEATURES))
    x[:, 3] = draw.integers(0, 3, len(x))
    x[:, 4] *= draw.random(len(x)) > 0.7
    return x


def far_and_near() -> np.ndarray:
    return np.concatenate([data(0), data(9) * 1e6, np.zeros((1, FEATURES)), -data(3)])


@pytest.mark.parametrize("leaves", [2, 3, 7, 15, MAX_LEAVES])
@pytest.mark.parametrize("rounds", [1, 40])
def test_one_model(leaves, rounds):
    model = grown(leaves, rounds)
    trees = as_trees([[model.dump_model()]])
    rows = far_and_near()
    assert [trees.predict(row)[0] for row in rows] == pytest.approx(model.predict(rows), abs=1e-9)


def test_trees_of_a_single_leaf():
    model = grown(7, 5, constant=True)
    trees = as_trees([[model.dump_model()]])
    assert trees.predict(np.zeros(FEATURES)) == pytest.approx([1.0])


def test_heads_are_means_of_their_models():
    heads = [[grown(7, 10, seed) for seed in (1, 2, 3)], [grown(4, 3, constant=True)], [grown(15, 20, 4), grown(2, 5)]]
    trees = as_trees([[model.dump_model() for model in models] for models in heads])
    rows = far_and_near()
    expected = np.array([np.mean([model.predict(rows) for model in models], axis=0) for models in heads]).T
    assert np.array([trees.predict(row) for row in rows]) == pytest.approx(expected, abs=1e-9)
