"""Summarises a run in the numbers that compare policies."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from cluster.spec import FleetSpec
from simulation.fleet import Run
from simulation.workload import Floats, Workload


@dataclass(frozen=True)
class Summary:
    """One policy's run in numbers, without the requests of the lead-in."""

    slo_attainment: float
    """Share of requests that met the SLO, 0..1. Shed and unfinished requests did not."""
    goodput_rps: float
    """Requests per second that met the SLO."""
    ttft_p50_s: float | None
    """Percentiles over requests with a token; None if there are none."""
    ttft_p99_s: float | None
    tpot_p50_s: float | None
    """Percentiles over complete answers; None if there are none."""
    tpot_p99_s: float | None
    device_hours: float
    """Devices x hours from launch to release, including cold start and drain, within the measured time."""
    cost: float
    """Replica-hours x the spec's `replica_per_hour`, in its currency."""
    scale_events: int
    """Number of changes of a pool's desired replicas."""
    requests: int
    shed: int
    """Rejected at the gateway, because it was full or no pool could answer."""
    unfinished: int
    """Neither rejected nor fully answered: no first token in time, or too long for the pool's context."""
    preemptions: int
    """Number of preemptions because the KV cache was full, including the lead-in."""
    floor_device_hours: float
    """Device-hours of the minimum replicas of all pools."""
    by_pool: Mapping[str, Mapping[str, float]]
    """Requests, SLO attainment, device-hours and maximum replicas of each pool."""

    def as_json(self) -> dict[str, Any]:
        """The numbers by name."""
        return asdict(self)


def percentiles(values: Floats) -> tuple[float | None, float | None]:
    """p50 and p99 of the values that are not NaN; None if there are none."""
    known = values[~np.isnan(values)]
    if not len(known):
        return None, None
    p50, p99 = np.percentile(known, [50, 99]).tolist()
    return p50, p99


def replica_hours(used_s: Sequence[tuple[float, float]], duration_s: float) -> float:
    """Total hours of all spans within the measured time."""
    return sum(max(0.0, min(end, duration_s) - max(begin, 0.0)) for begin, end in used_s) / 3600


def summarise(spec: FleetSpec, workload: Workload, run: Run) -> Summary:
    """Summarise one run."""
    measured = workload.arrival_s >= 0
    outcomes, duration_s = run.outcomes, workload.duration_s
    good = outcomes.good[measured]
    answered = ~np.isnan(outcomes.tpot_s[measured])
    shed = outcomes.shed[measured]
    hours = {name: replica_hours(run.used_s[name], duration_s) for name in spec.pools}
    ttft, tpot = percentiles(outcomes.ttft_s[measured]), percentiles(outcomes.tpot_s[measured])
    return Summary(
        slo_attainment=_share(good),
        goodput_rps=float(good.sum()) / duration_s,
        ttft_p50_s=ttft[0],
        ttft_p99_s=ttft[1],
        tpot_p50_s=tpot[0],
        tpot_p99_s=tpot[1],
        device_hours=sum(hours[name] * pool.device_share for name, pool in spec.pools.items()),
        cost=sum(hours[name] * pool.prices.replica_per_hour for name, pool in spec.pools.items()),
        scale_events=sum(event.at_s >= 0 for event in run.series.events),
        requests=int(measured.sum()),
        shed=int(shed.sum()),
        unfinished=int((~answered & ~shed).sum()),
        preemptions=run.preemptions,
        floor_device_hours=sum(pool.replicas.min * pool.device_share for pool in spec.pools.values())
        * duration_s
        / 3600,
        by_pool={
            name: _of_pool(name, place, pool.device_share * hours[name], measured, run)
            for place, (name, pool) in enumerate(spec.pools.items())
        },
    )


def _of_pool(name: str, place: int, device_hours: float, measured: NDArray[np.bool_], run: Run) -> dict[str, float]:
    of_pool = measured & (run.outcomes.pool == place)
    targets = zip(run.series.at_s, run.series.pools[name].target, strict=True)
    return {
        "requests": int(of_pool.sum()),
        "slo_attainment": _share(run.outcomes.good[of_pool]),
        "device_hours": device_hours,
        "most_replicas": max((target for at_s, target in targets if at_s >= 0), default=0),
    }


def _share(flags: NDArray[np.bool_]) -> float:
    """Share of true flags; 1 if there are none, because nothing was missed."""
    return float(flags.mean()) if len(flags) else 1.0
