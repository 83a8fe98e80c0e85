"""Demo tasks as requests to route, for simulations without queries from elsewhere."""

from __future__ import annotations

from demo.tasks import generate_tasks
from router.types import RoutingRequest

COUNT = 1_000


def demo_queries(seed: int) -> list[RoutingRequest]:
    """Queries of all levels, half of them in wordings that no training used."""
    return [RoutingRequest(task.prompt) for task in generate_tasks(COUNT, seed=seed, fresh=None)]
