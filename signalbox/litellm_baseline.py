"""LiteLLM's complexity router as a routing method to compare with: its rule scorer, with its default settings.

The scorer needs neither a language model nor a network. `pip install -e '.[bench]'` installs it.
"""

from __future__ import annotations

import os
from collections.abc import Sequence
from importlib.util import find_spec

import numpy as np
from numpy.typing import NDArray

from router.types import RoutingRequest


def litellm_score(requests: Sequence[RoutingRequest]) -> NDArray[np.float64] | None:
    """LiteLLM's weighted complexity score of each request; None where LiteLLM is not installed."""
    if find_spec("litellm") is None:
        return None
    # LiteLLM would otherwise fetch a price list over the network when it is imported.
    os.environ.setdefault("LITELLM_LOCAL_MODEL_COST_MAP", "True")
    from litellm.router_strategy.complexity_router.complexity_router import ComplexityRouter

    # Scoring asks nothing of the router that dispatches to models; it only has to be there.
    router = ComplexityRouter("complexity", None, {})
    return np.array([router.classify(request.text, request.system or None)[1] for request in requests])
