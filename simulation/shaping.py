"""Derives loads from one trace: a window, more or fewer requests, bursts, a lead-in. All are seeded."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from numpy.typing import NDArray

from simulation.workload import Workload, merge

SHIFT_S = 30.0
"""Maximum shift of a copied request, in seconds. The load keeps its shape over minutes, but copies do not form bursts
of equal requests."""
BURST_EVERY_S, BURST_S, BURST_FACTOR = 600.0, 60.0, 4
"""One minute of four times the load every ten minutes."""


def window(load: Workload, start_s: float, duration_s: float | None) -> Workload:
    """The requests of a time window, which becomes the measured time. If `duration_s` is None, it lasts to the end."""
    end_s = load.duration_s if duration_s is None else min(start_s + duration_s, load.duration_s)
    rows = np.flatnonzero((load.arrival_s >= start_s) & (load.arrival_s < end_s))
    return replace(load.take(rows, load.arrival_s[rows] - start_s), duration_s=max(0.0, end_s - start_s))


def scale(load: Workload, factor: float, seed: int) -> Workload:
    """The load multiplied by `factor` (> 0): whole copies, and a random part of one more.

    The first copy is unchanged. The requests of the others move by up to SHIFT_S and wrap around at the ends of the
    window.
    """
    rng = np.random.default_rng([seed, 1])
    copies = int(factor)
    parts = [load] if copies else []
    for _ in range(copies - 1):
        parts.append(_moved(load, np.arange(len(load)), rng))
    if factor > copies:
        kept = np.flatnonzero(rng.random(len(load)) < factor - copies)
        parts.append(_moved(load, kept, rng) if copies else load.take(kept, load.arrival_s[kept]))
    return merge(parts)


def _moved(load: Workload, rows: NDArray[np.intp], rng: np.random.Generator) -> Workload:
    arrival_s = load.arrival_s[rows] + rng.uniform(-SHIFT_S, SHIFT_S, len(rows))
    return load.take(rows, arrival_s % load.duration_s)


def with_bursts(load: Workload, seed: int) -> Workload:
    """Add bursts of BURST_FACTOR times the load, BURST_S long, every BURST_EVERY_S. The first starts randomly."""
    rng = np.random.default_rng([seed, 2])
    first = rng.uniform(0.0, BURST_EVERY_S - BURST_S)
    parts = [load]
    for begin in np.arange(first, load.duration_s, BURST_EVERY_S).tolist():
        end = min(begin + BURST_S, load.duration_s)
        inside = np.flatnonzero((load.arrival_s >= begin) & (load.arrival_s < end))
        parts += [load.take(inside, rng.uniform(begin, end, len(inside))) for _ in range(BURST_FACTOR - 1)]
    return merge(parts)


def with_lead_in(load: Workload, lead_in_s: float, seed: int) -> Workload:
    """Add a lead-in at negative times: the mirrored start of the load, rising from zero over its first half.

    Traces are cut from days of service, so their first minute should not meet an empty fleet. The mirrored load joins
    the start without a jump and does not change the measured requests.
    """
    rng = np.random.default_rng([seed, 3])
    early = np.flatnonzero((load.arrival_s > 0) & (load.arrival_s <= lead_in_s))
    share = 2 * (1 - load.arrival_s[early] / lead_in_s)
    early = early[rng.random(len(early)) < share]
    return merge([load, load.take(early, -load.arrival_s[early])])
