"""The outcome of every request, and its SLO."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulation.timing import EngineShape
from simulation.workload import Floats

MIN_TTFT_LIMIT_S = 2.0
TTFT_FACTOR = 1.5
"""The TTFT target is this factor times the TTFT on an idle replica of the pool, but at least MIN_TTFT_LIMIT_S."""
TPOT_LIMIT_S = 0.1


def ttft_limit_s(shape: EngineShape, prompt_tokens: int) -> float:
    """The TTFT target of a prompt, in seconds."""
    return max(MIN_TTFT_LIMIT_S, TTFT_FACTOR * shape.unloaded_ttft_s(prompt_tokens))


@dataclass(frozen=True)
class Outcomes:
    """Arrays over the requests of a workload, including the lead-in."""

    ttft_s: Floats
    """NaN for a request without a token."""
    tpot_s: Floats
    """Mean time per token after the first; NaN for an incomplete answer, 0 for answers of one token."""
    ttft_limit_s: Floats
    """TTFT target of the request; NaN for a shed request."""
    pool: NDArray[np.int16]
    """Index of its pool in the spec; -1 for a request that was shed before it had a pool."""
    shed: NDArray[np.bool_]
    """Whether the gateway shed the request."""

    @staticmethod
    def empty(requests: int) -> Outcomes:
        """Outcomes before any request has arrived."""
        ttft_s, tpot_s, limit_s = np.full((3, requests), np.nan)
        return Outcomes(ttft_s, tpot_s, limit_s, np.full(requests, -1, dtype=np.int16), np.zeros(requests, dtype=bool))

    @property
    def good(self) -> NDArray[np.bool_]:
        """Requests that met the SLO."""
        good: NDArray[np.bool_] = (self.ttft_s <= self.ttft_limit_s) & (self.tpot_s <= TPOT_LIMIT_S)
        return good
