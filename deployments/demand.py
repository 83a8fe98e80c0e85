"""What gateways see of demand, pool by pool: arrivals, lengths, and requests that no replica has answered yet."""

from __future__ import annotations

import time
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial

from autoscaling.demand_window import DemandWindow
from cluster.state import FleetState

FORGET_AFTER_S = 5.0
"""A gateway replica that said nothing for so long is gone, and its demand with it."""


@dataclass(frozen=True)
class PoolDemand:
    """Demand for one pool, as one gateway replica sees it or all together."""

    arrivals_per_s: float = 0.0
    """Requests routed to the pool, mean over the window of `autoscaling.demand_window`."""
    prompt_tokens: float = 0.0
    """Mean prompt of the window's requests; 0 without any."""
    answer_tokens: float = 0.0
    """Mean answer that ended in the window; 0 without any."""
    held: int = 0
    """Requests without a first frame while the pool has no replica."""


class GatewayDemand:
    """Counts of one gateway replica."""

    def __init__(self, clock: Callable[[], float] = time.time) -> None:
        self._clock = clock
        self._unopened: dict[str, int] = defaultdict(int)
        self._windows: dict[str, DemandWindow] = defaultdict(partial(DemandWindow, clock()))

    def arrived(self, pool: str, prompt_tokens: int) -> None:
        """A request was routed to a pool."""
        self._windows[pool].arrived(self._clock(), prompt_tokens)

    def answered(self, pool: str, answer_tokens: int) -> None:
        """An answer of a pool ended."""
        self._windows[pool].answered(self._clock(), answer_tokens)

    @contextmanager
    def unopened(self, pool: str) -> Iterator[None]:
        """While a request waits for a pool's first frame."""
        self._unopened[pool] += 1
        try:
            yield
        finally:
            self._unopened[pool] -= 1

    def now(self, pools: Iterable[str], fleet: FleetState | None) -> dict[str, PoolDemand]:
        """Demand for each of the pools."""
        return {pool: self._of(pool, fleet) for pool in pools}

    def _of(self, pool: str, fleet: FleetState | None) -> PoolDemand:
        # Without a snapshot nobody knows whether a replica is there; Serve wakes an empty pool by itself.
        is_empty = fleet is not None and not (pool in fleet and fleet[pool].ready)
        return PoolDemand(*self._windows[pool].means(self._clock()), self._unopened[pool] if is_empty else 0)


def together(demands: Iterable[Mapping[str, PoolDemand]]) -> dict[str, PoolDemand]:
    """Demand of all gateway replicas: rates and held requests add up, lengths are means over arrivals."""
    by_pool: dict[str, list[PoolDemand]] = defaultdict(list)
    for demand in demands:
        for pool, one in demand.items():
            by_pool[pool].append(one)
    return {pool: _joined(parts) for pool, parts in by_pool.items()}


def _joined(parts: list[PoolDemand]) -> PoolDemand:
    rate = sum(part.arrivals_per_s for part in parts)
    return PoolDemand(
        rate,
        sum(part.prompt_tokens * part.arrivals_per_s for part in parts) / rate if rate else 0.0,
        _mean([part.answer_tokens for part in parts if part.answer_tokens]),
        sum(part.held for part in parts),
    )


def _mean(values: list[float]) -> float:
    return sum(values) / len(values) if values else 0.0
