"""What happened to every request, and what it is judged by."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from simulation.timing import EngineShape
from simulation.workload import Floats

LEAST_TTFT_LIMIT_S = 2.0
TTFT_FACTOR = 1.5
"""TTFT may be so many times that of the same prompt on an idle replica of its pool, or LEAST_TTFT_LIMIT_S."""
TPOT_LIMIT_S = 0.1


def ttft_limit_s(shape: EngineShape, prompt_tokens: int) -> float:
    """The TTFT that the SLO allows a prompt."""
    return max(LEAST_TTFT_LIMIT_S, TTFT_FACTOR * shape.unloaded_ttft_s(prompt_tokens))


@dataclass(frozen=True)
class Outcomes:
    """Arrays over the requests of a workload, lead-in included."""

    ttft_s: Floats
    """NaN for a request that got no token."""
    tpot_s: Floats
    """Mean time per token after the first; NaN where the answer is not complete, 0 for answers of one token."""
    ttft_limit_s: Floats
    """What the SLO allows this request; NaN for a request that was shed."""
    pool: NDArray[np.int16]
    """Place of its pool in the spec; -1 for a request that was shed before it had one."""
    shed: NDArray[np.bool_]
    """Refused at the gateway."""

    @staticmethod
    def empty(requests: int) -> Outcomes:
        """Nothing has happened yet."""
        ttft_s, tpot_s, limit_s = np.full((3, requests), np.nan)
        return Outcomes(ttft_s, tpot_s, limit_s, np.full(requests, -1, dtype=np.int16), np.zeros(requests, dtype=bool))

    @property
    def good(self) -> NDArray[np.bool_]:
        """Requests that met the SLO."""
        good: NDArray[np.bool_] = (self.ttft_s <= self.ttft_limit_s) & (self.tpot_s <= TPOT_LIMIT_S)
        return good
