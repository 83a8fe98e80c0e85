"""Where the time of a start goes: seconds by phase, measured where each phase happens.

It begins with the replica's constructor. How long a node and a process took before that cannot be seen from inside,
since Ray may hand a replica a process that has been waiting for one;
`deployments.scaling.cold_starts` measures from outside.
"""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from typing import Literal, get_args

Phase = Literal["import", "launch", "load", "compile", "kv_cache", "capture", "probe", "warm_up"]
"""Phases in their order; docs/cold-start.md says what each is and what makes it shorter.

- import: the engine's libraries
- launch: the engine's configuration, its other processes and their process groups, its API layer
- load: weights, from storage into the memory of the devices
- compile: torch.compile, or reading what an earlier start compiled
- kv_cache: a dummy run that measures memory, and the KV cache itself
- capture: kernels that are tuned before they are used, CUDA graphs
- probe: a remote endpoint that is asked whether it is there
- warm_up: the first request
"""


class StartClock:
    """Measures phases; one that comes several times is summed up."""

    def __init__(self) -> None:
        self.seconds: dict[Phase, float] = {}

    @contextmanager
    def phase(self, name: Phase) -> Iterator[None]:
        """Measure what happens inside; nothing is noted of what fails."""
        began = time.perf_counter()
        yield
        self.add(name, time.perf_counter() - began)

    def add(self, name: Phase, seconds: float) -> None:
        """Note a time that was measured elsewhere."""
        self.seconds[name] = self.seconds.get(name, 0.0) + seconds

    def split(self, whole: Phase, parts: Mapping[Phase, float]) -> None:
        """Take parts that were measured inside a phase out of it, so that each second counts once."""
        for name, seconds in parts.items():
            self.add(whole, -seconds)
            self.add(name, seconds)


def slowest(ranks: Sequence[Mapping[Phase, float]]) -> dict[Phase, float]:
    """Phases of ranks that start side by side: each phase lasts as long as on the slowest one."""
    names = [name for phases in ranks for name in phases]
    return {name: max(phases.get(name, 0.0) for phases in ranks) for name in names}


def in_order(phases_s: Mapping[Phase, float]) -> tuple[tuple[Phase, float], ...]:
    """The phases that there are, the first one first."""
    return tuple((name, phases_s[name]) for name in get_args(Phase) if name in phases_s)
