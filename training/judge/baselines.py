"""Simple routing methods to compare with. Each scores queries: high scores go to the most expensive tier."""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Sequence
from importlib.util import find_spec

import numpy as np
from numpy.typing import NDArray

from router.types import RoutingRequest

Array = NDArray[np.float64]

RANDOM_DRAWS = 20


def random_scores(count: int, seed: int, draws: int = RANDOM_DRAWS) -> list[Array]:
    """Random scores, drawn several times: metrics of chance are means over the draws."""
    draw = np.random.default_rng(seed)
    return [draw.random(count) for _ in range(draws)]


def length_score(texts: Sequence[str]) -> Array:
    """Characters of the query."""
    return np.array([len(text) for text in texts], dtype=np.float64)


def prior_score(groups: Sequence[str], train_groups: Sequence[str], train_gain: Array) -> Array:
    """Mean gain of the most expensive tier in the query's group, minus its mean gain over all groups.

    Groups without training rows get 0.
    """
    gains: dict[str, list[float]] = defaultdict(list)
    for group, gain in zip(train_groups, train_gain, strict=True):
        gains[group].append(float(gain))
    mean = float(np.mean(train_gain)) if len(train_gain) else 0.0
    known = {group: float(np.mean(values)) - mean for group, values in gains.items()}
    return np.array([known.get(group, 0.0) for group in groups])


def litellm_score(requests: Sequence[RoutingRequest]) -> Array | None:
    """The weighted score of LiteLLM's complexity router with its default settings; None if LiteLLM is not installed.

    The score comes from rules, which need neither a language model nor a network. `pip install -e '.[bench]'` installs
    LiteLLM.
    """
    if find_spec("litellm") is None:
        return None
    # Otherwise LiteLLM fetches a price list over the network when it is imported.
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
    from litellm.router_strategy.complexity_router.complexity_router import ComplexityRouter

    # Scoring does not use the router that dispatches to models, so there is none.
    router = ComplexityRouter("complexity", None, {})
    return np.array([router.classify(request.text, request.system or None)[1] for request in requests])
