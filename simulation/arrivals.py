"""Requests together with what they ask."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from router.types import RoutingRequest
from simulation.desk import KnownQuality
from simulation.workload import Workload


@dataclass(frozen=True)
class Arrivals:
    """What arrives, and what the router reads of it."""

    workload: Workload
    queries: Sequence[RoutingRequest]
    """What the requests ask, by their place in the workload."""
    model: KnownQuality
    """What the router predicts by."""


def draw_queries(queries: Sequence[RoutingRequest], count: int, seed: int) -> list[RoutingRequest]:
    """A query for each of some requests, all equally likely: traces say how long prompts are, not what they ask."""
    drawn = np.random.default_rng([seed, 4]).integers(len(queries), size=count)
    return [queries[index] for index in drawn.tolist()]
