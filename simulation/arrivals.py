"""A workload with the query of every request."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from router.types import RoutingRequest
from simulation.desk import KnownQuality
from simulation.workload import Workload


@dataclass(frozen=True)
class Arrivals:
    """The requests that arrive, with their input for the router."""

    workload: Workload
    queries: Sequence[RoutingRequest]
    """The query of each request, in the order of the workload."""
    model: KnownQuality
    """The quality model that the router uses."""


def draw_queries(queries: Sequence[RoutingRequest], count: int, seed: int) -> list[RoutingRequest]:
    """A random query for each request, because traces contain lengths of prompts but not their text."""
    drawn = np.random.default_rng([seed, 4]).integers(len(queries), size=count)
    return [queries[index] for index in drawn.tolist()]
