"""What happened to every request, and what the run is judged by."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

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


@dataclass(frozen=True)
class Summary:
    """One policy's run in numbers; requests of the lead-in are left out."""

    slo_attainment: float
    """Share of requests that met the SLO; those that were shed or not finished did not."""
    goodput_rps: float
    """Requests per second that met the SLO."""
    ttft_p50_s: float | None
    """Of requests that got a token, as the following; None where none did."""
    ttft_p99_s: float | None
    tpot_p50_s: float | None
    """Of complete answers, as the following."""
    tpot_p99_s: float | None
    device_hours: float
    """Devices x hours from launch to release, cold start and drain included, within the measured time."""
    cost: float
    """Replica-hours x the spec's `replica_per_hour`, in its currency."""
    scale_events: int
    """Times that a pool's wanted replicas changed."""
    requests: int
    shed: int
    """Refused at the gateway: too many requests there, or no pool that may answer."""
    unfinished: int
    """Neither refused nor answered in full: no first token in time, or too long for the pool's context."""
    preemptions: int
    """Requests thrown out of a batch for lack of KV cache, the lead-in's included."""
    floor_device_hours: float
    """What the minimum replicas of all pools take."""
    by_pool: Mapping[str, Mapping[str, float]]
    """Requests, SLO attainment, device-hours and greatest number of replicas of each pool."""

    def as_json(self) -> dict[str, Any]:
        """The numbers by name."""
        return asdict(self)


def percentiles(values: Floats) -> tuple[float | None, float | None]:
    """p50 and p99 of what is not NaN; None where nothing is."""
    known = values[~np.isnan(values)]
    if not len(known):
        return None, None
    p50, p99 = np.percentile(known, [50, 99]).tolist()
    return p50, p99


def replica_hours(used_s: Sequence[tuple[float, float]], duration_s: float) -> float:
    """Hours of all spans together, within the measured time."""
    return sum(max(0.0, min(end, duration_s) - max(begin, 0.0)) for begin, end in used_s) / 3600
