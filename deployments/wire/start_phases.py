"""The duration of a replica's start: seconds by phase, measured where each phase happens.

The start begins with the replica's constructor. A replica cannot measure the time before that, because Ray may give it
an idle process; `deployments.scaling.cold_starts` measures from outside.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Literal, get_args

Phase = Literal["import", "launch", "load", "compile", "kv_cache", "capture", "probe", "warm_up"]
"""Phases in order; docs/cold-start.md describes each and lists what shortens it.

- import: the engine's libraries
- launch: the engine's configuration, its other processes and their process groups, and its API layer
- load: weights, from storage to the devices' memory
- compile: torch.compile, or reading its cache from an earlier start
- kv_cache: a dummy run that measures memory, and the KV cache itself
- capture: kernel tuning and CUDA graphs
- probe: a check that a remote endpoint answers
- warm_up: the first request
"""


class StartClock:
    """Measures phases. Times of the same phase add up."""

    def __init__(self) -> None:
        self.seconds: dict[Phase, float] = {}

    @contextmanager
    def phase(self, name: Phase) -> Iterator[None]:
        """Measure the block; a block that raises is not counted."""
        began = time.perf_counter()
        yield
        self.add(name, time.perf_counter() - began)

    def add(self, name: Phase, seconds: float) -> None:
        """Add a time that was measured elsewhere."""
        self.seconds[name] = self.seconds.get(name, 0.0) + seconds

    def split(self, whole: Phase, parts: Mapping[Phase, float]) -> None:
        """Subtract parts that were measured inside a phase from it, so that each second counts once."""
        for name, seconds in parts.items():
            self.add(whole, -seconds)
            self.add(name, seconds)


def slowest(ranks: Sequence[Mapping[Phase, float]]) -> dict[Phase, float]:
    """Phases of ranks that start in parallel: the slowest rank decides how long each phase lasts."""
    names = [name for phases in ranks for name in phases]
    return {name: max(phases.get(name, 0.0) for phases in ranks) for name in names}


def in_order(phases_s: Mapping[Phase, float]) -> tuple[tuple[Phase, float], ...]:
    """The measured phases, in the order of `Phase`."""
    return tuple((name, phases_s[name]) for name in get_args(Phase) if name in phases_s)
